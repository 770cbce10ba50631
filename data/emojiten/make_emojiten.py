"""Makes `bank.npz`, the glyphs of EmojiTen, as `selection.toml` says; `glyphs.py` says what this needs."""

from __future__ import annotations

import sys
from pathlib import Path

import glyphs

HERE = Path(__file__).parent
TRAIN, TEST, DESIGNER = 0, 1, 2  # parts of the bank


def main() -> None:
    """Write the bank.

    Raises:
        ValueError: a drawing that is to be held out is not there.
    """
    drawings = Path(sys.argv[1])
    selection = glyphs.read_selection(HERE)
    left_out = set(selection["left_out"]["drawings"].split())
    held_out = {name for names in selection["held_out"].values() for name in names.split()}
    rows = []
    for label, concepts in enumerate(selection["concepts"].values()):
        for glyph in glyphs.find(drawings, concepts.split(), selection["families"]):
            if glyph.designer == selection["held_out_designer"]:
                rows.append((label, DESIGNER, glyph))
            elif glyph.name not in left_out:
                rows.append((label, TEST if glyph.family in held_out else TRAIN, glyph))
    missing = held_out - {glyph.family for _, _, glyph in rows}
    if missing:
        raise ValueError(f"no such drawings: {sorted(missing)}")
    glyphs.write(HERE / "bank.npz", tuple(selection["concepts"]), rows)


if __name__ == "__main__":
    main()
