"""The audit of the checks: do the cases of an exercise tell wrong code from right?

Two kinds of wrong code are tried: the named misconceptions, and automatic mutants, each the reference
solution with one small change (another constant, a comparison turned round, two names exchanged, a statement
left out). A mutant that no case tells from the reference is a survivor. Some cannot be told apart because
they do the same thing; those are listed with a reason in solutions/<name>/equivalent_mutants.py.
"""

import contextlib
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from rich.console import Console
from rich.table import Table

from utils import checks
from utils.compare import Outcome, first_difference

from . import answers
from .cases import PLACEHOLDER, Exercise, load, load_module
from .mutants import Mutant, mutants

CPU_LIMIT_SECONDS = 2.0  # for one function on all cases; a right one takes some hundredths of a second
WALL_LIMIT_SECONDS = 30.0
MEMORY_LIMIT_BYTES = 1 << 30  # on top of what this process has already
MOST_MUTANTS = 400  # per exercise; beyond that an even sample is taken, and the report says so
BAR = 0.95  # of the automatic mutants that are not equivalent
ANY_CHANGE = " => *"  # in equivalent_mutants.py: whatever is changed in this statement
SURVIVES = 1


@dataclass(frozen=True)
class Survivor:
    """A mutant that no case tells from the reference."""

    exercise: str
    change: str
    reason: str  # why it is equivalent; "" for one that should have been killed


@dataclass(frozen=True)
class Audit:
    """What became of the wrong code for one exercise."""

    exercise: str
    named: int
    named_killed: int
    mutants: int
    killed: int
    survivors: tuple[Survivor, ...]
    survivors_named: tuple[str, ...]
    left_out: int  # mutants not tried, where there were too many
    seconds: float

    @property
    def equivalent(self) -> int:
        """How many survivors do the same thing as the reference, for a reason that is written down."""
        return sum(bool(survivor.reason) for survivor in self.survivors)

    @property
    def share(self) -> float:
        """The share of the mutants killed, among those that are not equivalent."""
        rest = self.mutants - self.equivalent
        return self.killed / rest if rest else 1.0


@dataclass(frozen=True)
class Report:
    """The audits of all exercises of a notebook."""

    assignment: str
    audits: tuple[Audit, ...]
    unused: tuple[
        tuple[str, str], ...
    ]  # (exercise, change) listed as equivalent, but no such mutant survives

    @property
    def ok(self) -> bool:
        """Whether every misconception and, per exercise, nearly every mutant is killed."""
        return all(audit.named_killed == audit.named and audit.share >= BAR for audit in self.audits)


def run(root: Path, name: str, exercise: str | None = None) -> Report:
    """Audit the checks of a notebook.

    Arguments:
        root: the course's folder; name: of the assignment; exercise: only this one, None for all.

    Errors:
        LookupError: if there is no such exercise.
    """
    folder = root / "solutions" / name
    source = folder / f"{name}.py"
    torch.set_num_threads(1)  # a forked process cannot use the threads of its parent
    book = load(folder)
    equivalent = _equivalent(folder)
    namespace = answers.run_solutions(source)
    cells = {cell.name: cell.source for cell in answers.solution_cells(source)[1]}
    if exercise is not None and exercise not in book.exercises:
        raise LookupError(f"{name} has no exercise {exercise}; it has {', '.join(book.exercises)}")
    wanted = [exercise] if exercise else list(book.exercises)
    audits = []
    for each in wanted:
        mistakes = {mistake.name: mistake.function for mistake in book.mistakes(each)}
        audits.append(audit(book.exercises[each], cells[each], namespace, mistakes, equivalent))
    unused = tuple((one.exercise, change) for one in audits for change in _unused(one, equivalent))
    return Report(name, tuple(audits), unused)


def _equivalent(folder: Path) -> dict[str, dict[str, str]]:
    """Exercise -> change -> reason, from equivalent_mutants.py."""
    path = folder / "equivalent_mutants.py"
    return load_module(path).EQUIVALENT if path.is_file() else {}


def _unused(one: "Audit", equivalent: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Changes that are listed as equivalent although no such mutant survives: the list is out of date."""
    changes = {survivor.change for survivor in one.survivors}
    changes |= {change.split(" => ")[0] + ANY_CHANGE for change in changes}
    return [change for change in equivalent.get(one.exercise, {}) if change not in changes]


def audit(
    exercise: Exercise,
    source: str,
    namespace: Mapping[str, Any],
    mistakes: Mapping[str, Callable[..., Any]],
    equivalent: Mapping[str, Mapping[str, str]],
) -> Audit:
    """Try all wrong code for one exercise on its cases, visible and hidden."""
    start = time.monotonic()
    expected = answers.reference_outcomes(exercise, namespace[exercise.name])
    judge = Judge(exercise, expected)
    if not judge.survivors([lambda: namespace[exercise.name]]):
        raise RuntimeError(
            f"{exercise.name}: the solution itself fails in a forked process; nothing is shown"
        )
    survived = judge.survivors([lambda made=function: made for function in mistakes.values()])  # type: ignore[misc]
    placeholders = [index for index, name in enumerate(mistakes) if name.startswith(PLACEHOLDER)]
    lost = sorted({*survived, *placeholders})
    made = list(mutants(source))
    tried = _sample(made)
    survivors = [
        tried[index] for index in judge.survivors([_builder(m, exercise.name, namespace) for m in tried])
    ]
    return Audit(
        exercise.name,
        named=len(mistakes),
        named_killed=len(mistakes) - len(lost),
        mutants=len(tried),
        killed=len(tried) - len(survivors),
        survivors=tuple(
            Survivor(exercise.name, mutant.change, _reason(equivalent.get(exercise.name, {}), mutant.change))
            for mutant in survivors
        ),
        survivors_named=tuple(list(mistakes)[index] for index in lost),
        left_out=len(made) - len(tried),
        seconds=time.monotonic() - start,
    )


def _builder(mutant: Mutant, name: str, namespace: Mapping[str, Any]) -> Callable[[], Any]:
    def build() -> Any:
        names = dict(namespace)
        exec(compile(mutant.source, name, "exec"), names)
        return names[name]

    return build


def _reason(listed: Mapping[str, str], change: str) -> str:
    """Why a surviving mutant is equivalent; "" if nobody said so."""
    return listed.get(change) or listed.get(change.split(" => ")[0] + ANY_CHANGE, "")


def _sample(made: list[Mutant]) -> list[Mutant]:
    if len(made) <= MOST_MUTANTS:
        return made
    chosen = sorted(random.Random(0).sample(range(len(made)), MOST_MUTANTS))
    return [made[index] for index in chosen]


class Judge:
    """Decides whether the cases of an exercise tell functions from the reference."""

    def __init__(self, exercise: Exercise, expected: Sequence[Outcome]) -> None:
        live = [answers.live_case(case, right) for case, right in zip(exercise.cases, expected, strict=True)]
        self._pairs = list(zip(live, expected, strict=True))

    def survivors(self, builders: Sequence[Callable[[], Any]]) -> list[int]:
        """Build each function, run the cases; return the numbers of those that no case tells apart.

        A forked process does it; where a function hangs, crashes or eats memory it dies, and another one goes
        on with the next function.
        """
        verdicts: list[bool] = []
        while len(verdicts) < len(builders):
            verdicts += self._in_child(builders[len(verdicts) :])
        return [index for index, survives in enumerate(verdicts) if survives]

    def _in_child(self, builders: Sequence[Callable[[], Any]]) -> list[bool]:
        """Verdicts in order; the last one is False for the function in which the process died."""
        reading, writing = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._work(builders, writing)
        os.close(writing)
        with open(reading, "rb") as pipe:
            verdicts = [byte == SURVIVES for byte in pipe.read()]
        os.waitpid(child, 0)
        return verdicts if len(verdicts) == len(builders) else [*verdicts, False]

    def _work(self, builders: Sequence[Callable[[], Any]], pipe: int) -> NoReturn:
        """In the child: write one byte for each function, then end."""
        memory = _virtual_memory() + MEMORY_LIMIT_BYTES
        with contextlib.suppress(OSError, ValueError):  # macOS does not know this limit
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        for kind in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(kind, signal.SIG_DFL)  # which ends the process
        for descriptor in (1, 2):  # mutants may print or warn
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        for build in builders:
            signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_SECONDS)
            signal.setitimer(signal.ITIMER_REAL, WALL_LIMIT_SECONDS)
            os.write(pipe, bytes([SURVIVES if self._agrees(build) else 0]))
        os._exit(0)

    def _agrees(self, build: Callable[[], Any]) -> bool:
        try:
            function = build()
            return all(
                first_difference(right, checks.observe(case, function)) is None for case, right in self._pairs
            )
        except BaseException:  # also MemoryError and SystemExit: wrong code may do anything
            return False


def _virtual_memory() -> int:
    """Bytes of address space of this process; a generous guess where /proc does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 1 << 36
    return pages * resource.getpagesize()


def show(report: Report, console: Console | None = None) -> None:
    """Print the table of a report, its survivors with their reasons, and whether the bar is reached."""
    console = console or Console()
    table = Table(title=f"Wrong code against the checks of {report.assignment}")
    table.add_column("exercise")
    for heading in ("named killed", "mutants killed", "equivalent", "share", "seconds"):
        table.add_column(heading, justify="right")
    for one in report.audits:
        table.add_row(
            one.exercise,
            f"{one.named_killed}/{one.named}",
            f"{one.killed}/{one.mutants}",
            str(one.equivalent),
            f"{one.share:.1%}",
            f"{one.seconds:.1f}",
            style="" if one.named_killed == one.named and one.share >= BAR else "bold red",
        )
    table.add_section()
    table.add_row(*_totals(report.audits))
    console.print(table)
    for one in report.audits:
        if one.left_out:
            console.print(f"{one.exercise}: an even sample was tried, {one.left_out} mutants were left out")
        for name in one.survivors_named:
            what = "is still to be written" if name.startswith(PLACEHOLDER) else "survives"
            console.print(
                f"{one.exercise}: the misconception '{name}' {what}", style="bold red", markup=False
            )
        for survivor in one.survivors:
            words = survivor.reason or "NOT KILLED"
            console.print(
                f"{one.exercise}: {survivor.change}\n    {words}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    for exercise, change in report.unused:
        console.print(
            f"{exercise}: listed as equivalent, but no such mutant survives: {change}", markup=False
        )
    verdict = "reached" if report.ok else "NOT reached"
    console.print(f"The bar (every misconception, {BAR:.0%} of the mutants of each exercise) is {verdict}.")


def _totals(audits: Sequence[Audit]) -> tuple[str, ...]:
    killed, tried = sum(one.killed for one in audits), sum(one.mutants for one in audits)
    equivalent = sum(one.equivalent for one in audits)
    share = killed / (tried - equivalent) if tried > equivalent else 1.0
    named = f"{sum(one.named_killed for one in audits)}/{sum(one.named for one in audits)}"
    seconds = sum(one.seconds for one in audits)
    return "all", named, f"{killed}/{tried}", str(equivalent), f"{share:.1%}", f"{seconds:.1f}"
