"""Judges the test cells, in a process that the student's code cannot reach.

A test cell is ordinary nbgrader code. The names that the student defined stand for values or proxies fetched
from the student's process; everything else (NumPy, the checks, the stored answers, the comparison) is the
referee's own.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType

from utils import checks
from utils.compare import known

from .assignment import Assignment, Cell
from .frames import clean_text
from .regression import difference
from .student import StudentDied, StudentError, StudentProcess

OUTPUT_LIMIT = 20_000  # characters of a test cell's printed text that are kept
MESSAGE_LIMIT = 8_000  # of a message: it may quote the student's answer


@dataclass(frozen=True)
class Verdict:
    """What the referee found about one test cell."""

    passed: bool
    share: float  # of the cell's points that is earned, 0 … 1
    message: str = ""  # to the student; empty where the cell passed
    misconception: str = ""  # its name, where the answers agree with one
    outputs: list[dict] = field(default_factory=list)  # nbformat 4, for the graded notebook


class Referee:
    """Judges the cells of one submission, each at its place in the notebook."""

    def __init__(self, assignment: Assignment, student: StudentProcess) -> None:
        self._student = student
        self._solution_names = frozenset(assignment.names_of_solutions())
        checks.FOLDERS[:] = [assignment.folder]
        self._shared: dict[str, object] = {"__name__": "referee"}
        for cell in assignment.cells:
            if cell.role == "setup":
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    exec(compile(cell.source, cell.id, "exec"), self._shared)

    def judge(self, cell: Cell) -> Verdict:
        """Run a visible or hidden check and say what came out."""
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                value = self._execute(cell)
        except checks.CheckFailed as failure:
            picture = [] if cell.role == "hidden" else _picture(failure)
            return _failed(str(failure), failure.misconception or "", picture)
        except StudentDied as ending:
            return _failed(str(ending))
        except Exception as error:
            return _failed(_reason(error, cell.role == "hidden"))
        share = _share(value, cell.points)
        outputs = [_stream(printed.getvalue())] if printed.getvalue() else []
        if share < 1:
            outputs.append(partial_credit(share * cell.points))
        return Verdict(share == 1, share, "" if share == 1 else "Part of this check holds.", outputs=outputs)

    def watch(self, cell: Cell) -> Verdict:
        """Run a regression cell with the student's functions; compare its output with the reference's."""
        printed = io.StringIO()
        outputs: list[dict] = []
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                self._execute(cell)
        except Exception as error:
            words = str(error) if isinstance(error, StudentDied) else _words(error)
            return _failed(f"The cell '{cell.id}' ended with an error: {words}")
        if printed.getvalue():
            outputs.append(_stream(printed.getvalue()))
        found = difference(cell.outputs, outputs)
        if not found:
            return Verdict(True, 1.0, outputs=outputs)
        message = clean_text(f"The output of '{cell.id}' differs: {found}", MESSAGE_LIMIT)
        return Verdict(False, 0.0, message, outputs=outputs)

    def _execute(self, cell: Cell) -> object:
        """Run one cell in a fresh copy of the shared names; return the value of a last lone expression."""
        tree = ast.parse(cell.source, cell.id)
        names = _names_of(compile(tree, cell.id, "exec")) & self._solution_names
        namespace = dict(self._shared)
        for name in sorted(names):
            namespace[name] = self._student.get(name)
        last = tree.body[-1] if tree.body else None
        if not isinstance(last, ast.Expr):
            exec(compile(tree, cell.id, "exec"), namespace)
            return None
        tree.body.pop()
        exec(compile(tree, cell.id, "exec"), namespace)
        return eval(compile(ast.Expression(last.value), cell.id, "eval"), namespace)


def _names_of(code: CodeType) -> set[str]:
    """Every global name that a piece of code mentions, nested functions included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names_of(constant)
    return names


def _share(value: object, points: float) -> float:
    """nbgrader's partial credit: a test cell that ends with a number earns that many of its points."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or points <= 0:
        return 1.0
    return min(1.0, max(0.0, value / points))


def _words(error: Exception) -> str:
    return f"{_name(error)}: {error}" if str(error) else _name(error)


def _reason(error: Exception, hidden: bool) -> str:
    """Why a check failed. For a hidden one not in the code's own words: they could carry the inputs."""
    of_student = isinstance(error, StudentError) or hasattr(error, "student_traceback")
    if isinstance(error, AssertionError) and not of_student:
        return str(error) or "A check of this cell does not hold."
    if isinstance(error, NameError) and not of_student:
        return _words(error)
    if hidden:
        return f"Your code raised {known(_name(error))}."
    return f"Your code raised {_words(error)}"


def _name(error: Exception) -> str:
    return error.type_name if isinstance(error, StudentError) else type(error).__name__


def _failed(message: str, misconception: str = "", extra: list[dict] | None = None) -> Verdict:
    message = clean_text(message, MESSAGE_LIMIT)
    return Verdict(False, 0.0, message, misconception, [*(extra or []), _error(message)])


def _stream(text: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": text[:OUTPUT_LIMIT]}


def _error(message: str) -> dict:
    """No traceback of the test cell: it would show the hidden tests to the student."""
    return {"output_type": "error", "ename": "CheckFailed", "evalue": message, "traceback": [message]}


def partial_credit(points: float) -> dict:
    """The output by which nbgrader scores a test cell with a part of its points."""
    return {
        "output_type": "execute_result",
        "execution_count": None,
        "metadata": {},
        "data": {"text/plain": repr(points)},
    }


def _picture(failure: checks.CheckFailed) -> list[dict]:
    """Expected, got and difference as a PNG, where the check can draw one."""
    # Drawing an odd answer may fail in a hundred ways; none of them may change the verdict.
    with contextlib.suppress(Exception), _closing_figures():
        figure = failure.picture()
        if figure is not None:
            png = io.BytesIO()
            figure.savefig(png, format="png", bbox_inches="tight", metadata={"Software": None})
            data = {
                "image/png": base64.b64encode(png.getvalue()).decode(),
                "text/plain": failure.picture_words,
            }
            return [{"output_type": "display_data", "metadata": {}, "data": data}]
    return []


@contextlib.contextmanager
def _closing_figures() -> Iterator[None]:
    import matplotlib.pyplot as plt

    try:
        yield
    finally:
        plt.close("all")


def regression_share(verdicts: Mapping[str, Verdict]) -> float:
    """The share of the regression cells whose output agrees with the reference."""
    return sum(verdict.passed for verdict in verdicts.values()) / len(verdicts) if verdicts else 1.0
