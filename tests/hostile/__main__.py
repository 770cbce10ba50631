"""The command: writes the corpus for a release notebook, grades it, prints a table of what came of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from . import corpus
from .target import target_of


def main() -> int:
    """Return 0 where everything came out as it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("notebook", type=Path, help="such as notebooks/01_convolution/01_convolution.ipynb")
    parser.add_argument("--folder", type=Path, help="where to write the class (default: a temporary folder)")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="the cases with these names")
    parser.add_argument("--workers", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    options = parser.parse_args()
    target = target_of(options.notebook)
    chosen = [case for case in corpus.cases(target) if not options.only or case.name in options.only]
    if options.list or not chosen:
        print(
            "\n".join(f"{case.kind:8} {case.name}" for case in chosen) or "There is no such case; see --list."
        )
        return 0 if chosen else 1
    with tempfile.TemporaryDirectory(prefix="hostile-") as temporary:
        folder = options.folder or Path(temporary)
        root = options.notebook.resolve().parents[2]
        course = corpus.make(root, target, chosen, folder)
        outcome = corpus.grade(course, target, chosen, options.workers)
        return _report(outcome)


def _report(outcome: corpus.Outcome) -> int:
    bad: Counter[str] = Counter()
    for case in outcome.cases:
        problems, grade = outcome.problems(case), outcome.grades[case.name]
        bad[case.kind] += bool(problems)
        span = f"{case.least:g}-{case.most:g}"
        state = "BAD" if problems else "ok"
        print(
            f"{state:4} {case.kind:7} {case.name:35} {grade.score:6g} of {span:9} {grade.status}", flush=True
        )
        for problem in problems:
            print(f"     {problem}")
    for kind, number in Counter(case.kind for case in outcome.cases).items():
        print(f"{kind}: {number - bad[kind]} of {number} as they should be")
    print(f"left behind: {outcome.left_processes or 'no process'}, {outcome.left_files or 'no file'}")
    return int(bad.total() > 0 or bool(outcome.left_processes or outcome.left_files))


if __name__ == "__main__":
    sys.exit(main())
