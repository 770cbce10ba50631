"""Files that are no proper notebook, and proper ones in an odd form."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from pathlib import Path

from .case import REFUSED, Case, Write
from .target import Target

FIRST_OF_THE_CLASS = "aa-honest"


def files(target: Target) -> list[Case]:
    """What cannot be read is refused in words, what can be read is graded."""
    found = [Case(name, "file", 0, write=write, statuses=REFUSED) for name, write in BAD_FILES.items()]
    everything = target.everything
    found += [
        Case(name, "file", everything, everything, target.own, write=write, suspected=False)
        for name, write in ODD_FILES.items()
    ]
    for name, code in STRANGE_CODE.items():
        answers = {**target.wrong, target.first: code.replace("NAME", target.first)}
        found.append(Case(name, "file", 0, answers=answers))
    return found


def _zip_bomb(path: Path, text: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"../../{number}.ipynb", bytes(10_000_000))
    path.write_bytes(packed.getvalue())


def _beside_start_up_files(path: Path, text: str) -> None:
    path.write_text(text)
    for name in ("nbgrader_config.py", "usercustomize.py", "conftest.py", "torch.py", "utils/__init__.py",
                 ".ipython/profile_default/startup/00.py", ".jupyter/jupyter_config.py", "autograder/grade.py"):  # fmt: skip
        place = path.with_name("x").parent / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("raise SystemExit")


def _linked(path: Path, text: str) -> None:
    path.symlink_to(path.parents[3] / "solutions" / path.parent.name / path.name)


def _linked_folder(path: Path, text: str) -> None:
    path.parent.rmdir()
    path.parent.symlink_to(path.parents[3] / "submitted" / FIRST_OF_THE_CLASS / path.parent.name)


def _pipes(path: Path, text: str) -> None:
    os.mkfifo(path)
    os.mkfifo(path.with_name("timestamp.txt"))


def _file_as_folder(path: Path, text: str) -> None:
    path.parent.rmdir()
    path.parent.write_text(text)


def _huge(path: Path, text: str) -> None:
    with path.open("wb") as stream:
        stream.write(b'{"cells": [')
        stream.truncate(200 << 20)  # takes no room on the disk


def _windows_lines(path: Path, text: str) -> None:
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n")
    path.write_bytes(json.dumps(notebook, indent=1).replace("\n", "\r\n").encode())


def _old_format(path: Path, text: str) -> None:
    cells = [
        {**{k: v for k, v in cell.items() if k not in ("source", "id")}, "input": cell["source"]}
        if cell["cell_type"] == "code"
        else cell
        for cell in json.loads(text)["cells"]
    ]
    sheets = [{"cells": cells, "metadata": {}}]
    path.write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": sheets}))


BAD_FILES: dict[str, Write] = {
    "file-empty": lambda path, text: path.write_text(""),
    "file-missing": lambda path, text: None,
    "file-not-json": lambda path, text: path.write_text("def double(x):\n    return 2"),
    "file-other-json": lambda path, text: path.write_text('[{"cells": 3}]'),
    "file-cells-of-another-kind": lambda path, text: path.write_text(
        '{"cells": [1, null, {"cell_type": []}]}'
    ),
    "file-cut-off": lambda path, text: path.write_text(text[: len(text) // 2]),
    "file-nested": lambda path, text: path.write_text("[" * 200_000),
    "file-nested-cells": lambda path, text: path.write_text(
        '{"cells": ' + "[" * 200_000 + "]" * 200_000 + "}"
    ),
    "file-huge": _huge,
    "file-binary": lambda path, text: path.write_bytes(bytes(range(256)) * 999),
    "file-cells-as-mapping": lambda path, text: path.write_text('{"cells": {"0": {"cell_type": "code"}}}'),
    "file-of-many-cells": lambda path, text: path.write_text(
        '{"cells": [' + ",".join(['{"cell_type": "code", "source": "1"}'] * 100_000) + "]}"
    ),
    "file-of-many-values": lambda path, text: path.write_text('{"cells": [' + "1," * 4_000_000 + "1]}"),
    "file-nested-metadata": lambda path, text: path.write_text(
        '{"metadata": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + ', "cells": []}'
    ),
    "file-zip": _zip_bomb,
    "file-compressed": lambda path, text: path.write_bytes(gzip.compress(text.encode())),
    "file-web-page": lambda path, text: path.write_text(f"<!DOCTYPE html><html>{text}</html>"),
    "file-of-spaces": lambda path, text: path.write_text(" " * 5_000_000),
    "file-two-notebooks": lambda path, text: [
        path.with_name(n).write_text(text) for n in ("a.ipynb", "b.ipynb")
    ],
    "link-in-a-circle": lambda path, text: path.symlink_to(path.name),
    "file-huge-number": lambda path, text: path.write_text('{"cells": [' + "9" * 100_000 + "]}"),
    "link-to-the-solution": _linked,
    "link-to-another-student": _linked_folder,
    "link-to-a-device": lambda path, text: path.symlink_to("/dev/zero"),
    "pipe": _pipes,
    "folder-as-file": lambda path, text: path.mkdir(),
    "file-as-folder": _file_as_folder,
}
ODD_FILES: dict[str, Write] = {
    "saved-with-bom": lambda path, text: path.write_text("\ufeff" + text),
    "saved-as-utf-16": lambda path, text: path.write_text(text, "utf-16"),
    "saved-with-crlf": _windows_lines,
    "saved-in-an-old-format": _old_format,
    "saved-by-another-name": lambda path, text: path.with_name("Copy of mini (1).ipynb").write_text(text),
    "saved-with-nan": lambda path, text: path.write_text(
        text.replace('"nbformat":', '"metadata2": [NaN, Infinity, -Infinity, 1e999], "nbformat":', 1)
    ),
    "saved-with-bytes-that-are-no-text": lambda path, text: path.write_bytes(
        text.replace('"nbformat":', '"author": "J@rg", "nbformat":', 1).encode().replace(b"J@rg", b"J\xf6rg")
    ),
    "saved-with-keys-twice": lambda path, text: path.write_text('{"cells": [], "metadata": 3, ' + text[1:]),
    "saved-beside-many-notebooks": lambda path, text: (
        path.write_text(text),
        [
            os.truncate(os.open(path.with_name(f"{i}.ipynb"), os.O_CREAT | os.O_RDWR), 1 << 40)
            for i in range(40)
        ],
    ),
    "saved-beside-start-up-files": _beside_start_up_files,
    "saved-beside-large-files": lambda path, text: (
        path.write_text(text),
        os.truncate(os.open(path.with_name("data.bin"), os.O_CREAT | os.O_RDWR), 1 << 32),
        os.mkfifo(path.with_name("pipe")),
        path.with_name("numpy.py").write_text("raise SystemExit"),
        path.with_name("sitecustomize.py").write_text("raise SystemExit"),
    ),
}
STRANGE_CODE = {
    "code-of-brackets": "(" * 90_000,
    "code-of-signs": "x = " + "-" * 90_000 + "1",
    "code-of-sums": "x = " + "1+" * 90_000 + "1",
    "code-of-dots": "x = a" + ".a" * 90_000,
    "code-of-calls": "x = a" + "()" * 60_000,
    "code-of-lambdas": "x = " + "lambda:" * 25_000 + "1",
    "code-of-blocks": "\n".join(" " * i + "if 1:" for i in range(400)),
    "code-of-comparisons": "x = 1" + " < 1" * 40_000,
    "code-of-digits": "x = " + "9" * 90_000,
    "code-of-nulls": "x = 1\0\ud800",
    "code-of-patterns": "def NAME(x): return (" + "[" * 150 + "]" * 150 + ")",
    "code-of-imports": "import " * 100_000,
    "code-of-spaces": "def NAME(:\n" + " " * 190_000 + "x",
    "code-of-questions": "def NAME(:\n" + "? " * 90_000 + "x",
    "code-of-magics": "def NAME(:\n" + "%" * 190_000,
    "code-of-f-strings": "x = " + "f'{" * 60 + "1" + "}'" * 60,
    "code-of-tabs-and-spaces": "def NAME(x):\n\tif x:\n        return 1\n",
    "code-of-one-letter-lines": "\n".join("x" for _ in range(90_000)),
}
