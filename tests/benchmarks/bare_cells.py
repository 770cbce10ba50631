"""Runs the code cells of submissions one after the other in this process: what grading is compared with.

    python tests/benchmarks/bare_cells.py [--pictures] NOTEBOOK...

No isolation, no messages, no gradebook: a loop over the cells in one IPython shell that has already imported all
libraries. Check cells are the instructor's, hidden tests included; cells that only draw are left out, as the
autograder leaves them out, unless `--pictures` asks for all cells of the notebook. Prints the seconds by the clock
that the cells of all notebooks took.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import time
from pathlib import Path

import nbformat
from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = "import numpy, torch, torch.nn.functional, torch.utils.data, torch._dynamo, matplotlib.pyplot"


def without_figures(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take the cells out that only draw."""
    book.cells = [cell for cell in book.cells if cell.metadata.get("course", {}).get("role") != "figure"]
    return book


def code_cells(notebook: Path, reference: Path, pictures: bool) -> list[str]:
    """The sources of a submission's cells in their order, check cells with their hidden tests."""
    checks = {cell.id: cell.source for cell in nbformat.read(reference, 4).cells}
    book = nbformat.read(notebook, 4)
    return [
        checks[cell.id] if cell.metadata.get("nbgrader", {}).get("grade") else cell.source
        for cell in (book if pictures else without_figures(book)).cells
        if cell.cell_type == "code"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    options = parser.parse_args()
    name = options.notebooks[0].stem
    folder = ROOT / "solutions" / name
    reference = folder / f"{name}.ipynb"
    sources = [code_cells(notebook, reference, options.pictures) for notebook in options.notebooks]
    os.chdir(folder)
    shell = InteractiveShell.instance()
    shell.run_cell(LIBRARIES)
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        for cells in sources:
            for source in cells:
                shell.run_cell(source)
            shell.reset(new_session=True)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main()
