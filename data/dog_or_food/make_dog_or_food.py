"""Makes `bank.npz`, the glyphs of Dog or food, as `selection.toml` says; see ../emojiten/glyphs.py."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "emojiten"))

import glyphs  # noqa: E402

CLASSES = ("dog", "food")
TRAIN, TEST, UNSEEN = 0, 1, 2  # parts of the bank


def main() -> None:
    """Write the bank.

    Raises:
        ValueError: a drawing that is to be held out is not there.
    """
    drawings = Path(sys.argv[1])
    selection = glyphs.read_selection(HERE)
    rows = []
    for label, name in enumerate(CLASSES):
        known = list(glyphs.find(drawings, selection["concepts"][name].split(), selection["families"]))
        families = sorted({glyph.family for glyph in known})
        held_out = set(selection["held_out"].get(name, "").split()) or set(
            families[:: selection["held_out"]["every"]]
        )
        if not held_out <= set(families):
            raise ValueError(f"no such drawings: {sorted(held_out - set(families))}")
        rows += [(label, TEST if glyph.family in held_out else TRAIN, glyph) for glyph in known]
        unseen = selection["unseen"][name].split()
        rows += [(label, UNSEEN, glyph) for glyph in glyphs.find(drawings, unseen, selection["families"])]
    glyphs.write(HERE / "bank.npz", CLASSES, rows)


if __name__ == "__main__":
    main()
