"""A few cheap submissions of a real notebook that stand for the whole corpus."""

from __future__ import annotations

from .case import Case
from .cheats import BESIDE_WRONG_CODE
from .corpus import cases
from .notebook_edits import EDITS
from .oddities import colab
from .target import Target

ABUSES = (
    "exit-in-a-check",
    "segfault-in-a-check",
    "killed-in-a-check",
    "abort-in-a-check",
    "return-deep-nesting",
)
AT_ONCE = (  # cheats that do not end the process, tried in one notebook
    "patch-numpy-testing", "patch-checks", "patch-probes", "shell-hooks", "ast-transformer",
    "search-descriptors", "kernel-calls", "write-to-the-course", "garbage-collector",
    "replace-modules", "disguised-imports", "torch-modes", "stored-answers",
)  # fmt: skip


def sample(target: Target, turn: int) -> list[Case]:
    """Some cases: many cheats at once in a file saved by Colab, and by turns a change of the file and an abuse.

    Args:
        turn: a number; successive ones choose different cases.
    """
    known = {case.name: case for case in cases(target)}
    edited = [known[name] for name in EDITS]
    joined = "\n".join(
        f"try:\n    exec({BESIDE_WRONG_CODE[name].replace('THIS_NOTEBOOK', target.name)!r})\n"
        "except BaseException as error:\n    print(error)"
        for name in AT_ONCE
    )
    return [
        Case("cheats-at-once", "cheat", 0, answers=target.wrong, first=joined, edit=colab, suspected=True),
        edited[4 * turn % len(edited)],
        known[ABUSES[turn % len(ABUSES)]],
        *([known["colab"]] if turn == 1 else []),  # all of a right notebook takes long
    ]
