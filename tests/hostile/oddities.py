"""Honest work that looks odd: it gets all its points, and nobody is suspected."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

from .case import Case, Edit, Notebook, code_cell, text_cell
from .target import Target


def oddities(target: Target) -> list[Case]:
    """Right answers in unusual styles, cells and files."""

    def case(
        name: str, first: str = "", last: str = "", edit: Edit = lambda nb: None, **answers: str
    ) -> Case:
        everything = target.everything
        return Case(
            name,
            "oddity",
            everything,
            everything,
            {**target.own, **answers},
            first,
            last,
            edit,
            suspected=False,
        )

    name, right = target.first, target.own
    found = [
        case(style, **{name: make(name, right[name])}) for style, make in STYLES.items()
    ]  # of the first exercise
    found += [case(which, first=code) for which, code in CELLS.items()]
    found += [case(which, edit=edit) for which, edit in EDITS.items()]
    split = _split(name, right[name])
    found += [
        case("split", edit=split),
        case("names-shadowed", first=_shadowing(right)),
        case("docstrings-and-comments", **target.right),
        case("with-tabs", **{key: source.replace("    ", "\t") for key, source in right.items()}),
        case(
            "quiz-as-numpy-number",
            **{target.quiz: f"{right[target.quiz]}\n{target.quiz} = int({target.quiz})"},
        ),
        case("names-reused-at-the-end", last=f"{name} = None\nhelper = 3\nlist = dict = print = None"),
        case("answers-by-hand-in-a-later-cell", last=f"assert callable({name})\n{name}"),
        case("all-in-one-cell", edit=_joined(list(right), right)),
    ]
    return found


def honest(target: Target) -> list[Case]:
    """Those who must not notice any of the others: at the beginning, in the middle, at the end of the class."""
    answers = {**target.right, target.first: f"{target.right[target.first]}\n# WORK KEPT-FROM-STUDENTS"}
    everything = target.everything
    return [
        Case(name, "honest", everything, everything, answers, statuses=("graded",), suspected=False)
        for name in ("aa-honest", "mm-honest", "zz-honest")
    ]


def _wrapped(code: str) -> Callable[[str, str], str]:
    """The right function behind another one."""

    def make(name: str, source: str) -> str:
        return f"{source}\n_{name} = {name}\n{code.replace('NAME', name)}"

    return make


# By name: from an exercise and its right code to right code in another style.
STYLES: dict[str, Callable[[str, str], str]] = {
    "annotated": lambda name, source: f"from __future__ import annotations\n{source}",
    "talkative": _wrapped("""import sys, warnings
def NAME(*args, **kwargs):
    print("called", args)
    print("\\r 50%|█████     |", file=sys.stderr)
    warnings.warn("this is slow")
    return _NAME(*args, **kwargs)"""),
    "magics": lambda name, source: f"%matplotlib inline\n%load_ext autoreload\n!pip install numpy\n{source}",
    "timed": lambda name, source: f"%%time\n{source}",
    "lambda": _wrapped("NAME = lambda *args, **kwargs: _NAME(*args, **kwargs)"),
    "decorated": _wrapped("""import functools
def loud(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner
NAME = loud(_NAME)"""),
    "callable-object": _wrapped("""class Call:
    def __call__(self, *args, **kwargs): return _NAME(*args, **kwargs)
NAME = Call()"""),
    "partial": _wrapped("import functools\nNAME = functools.partial(_NAME)"),
    "tried-at-once": lambda name, source: (
        f"{source}\nprint({name})\nif __name__ == '__main__':\n    print('yes')"
    ),
    "with-a-thread": _wrapped("""from concurrent.futures import ThreadPoolExecutor
def NAME(*args, **kwargs):
    with ThreadPoolExecutor(4) as pool:
        return pool.submit(_NAME, *args, **kwargs).result()"""),
    "windows-lines": lambda name, source: source.replace("\n", "\r\n"),
    "written-twice": lambda name, source: f"{source}\n\n{source}",
    "with-the-old-attempt": lambda name, source: f"def {name}(x):\n    return None\n\n{source}",
}
CELLS = {
    "input-unused": "def ask():\n    return input('your name?')",
    "input-used": "name = input('your name? ')",
    "plots": "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 2]); plt.show()\nplt.close('all')",
    "styles-of-plots": "import matplotlib.pyplot as plt\nplt.rcParams['figure.dpi'] = 200\nplt.style.use('ggplot')",
    "printing-options": "import numpy as np\nnp.set_printoptions(precision=1, suppress=True)\nnp.seterr(all='ignore')",
    "error-in-own-cell": "1 / 0",
    "syntax-error-in-own-cell": "for x in range(3) print(x)",
    "exit-in-own-cell": "exit()",
    "installs": "!pip install tqdm\n%pip install tqdm\n%conda install tqdm\n!python -m pip install -q tqdm",
    "shell": "!ls -la\nfiles = !ls\n%cd /tmp\n%env COLOUR=red\n%pwd",
    "bash-cell": "%%bash\necho hello > /tmp/hello.txt; cat /tmp/hello.txt",
    "html-cell": "%%html\n<b>bold</b>",
    "written-file": "%%writefile helper.py\nx = 1",
    "colab-drive": "from google.colab import drive\ndrive.mount('/content/drive')",
    "debugging": "breakpoint()\n%pdb on\n%xmode Verbose\nhelp(len)\nprint?",
    "awaiting": "import asyncio\nawait asyncio.sleep(0)",
    "seeds": "import random, numpy as np, torch\nrandom.seed(1); np.random.seed(1); torch.manual_seed(1)",
    "devices": "import torch\ndevice = 'cuda' if torch.cuda.is_available() else 'cpu'\ntorch.backends.cudnn.benchmark = True",
    "warnings-off": "import warnings, logging\nwarnings.filterwarnings('ignore')\nlogging.basicConfig(level='DEBUG')",
    "types": "from dataclasses import dataclass\nfrom typing import NamedTuple\nfrom enum import Enum\n@dataclass\nclass P:\n    x: int\nclass T(NamedTuple):\n    x: int\nT(P(3).x)",
    "timing-by-hand": "import time, timeit\nstart = time.perf_counter()\ntimeit.timeit('1 + 1', number=10)\nprint(time.perf_counter() - start)",
    "loading-with-workers": "from torch.utils.data import DataLoader\nprint(list(DataLoader(range(4), num_workers=2)))",
    "subprocess": "import subprocess, os\nprint(subprocess.run(['ls'], capture_output=True, text=True).stdout, os.cpu_count())",
    "downloads": "import urllib.request\ntry:\n    urllib.request.urlopen('https://example.org/data.zip', timeout=1)\nexcept OSError as error:\n    print(error)",
    "garbage": "import gc, inspect\ngc.collect()\nprint(inspect.signature(print))",
    "unicode": "größe = 3\nπ = 3.14\nprint(f'{größe} × {π} = 👩‍💻')",
    "files-of-its-own": "import numpy as np\nnp.save('mine.npy', np.zeros(3))\nopen('notes.txt', 'a').write('x')\nprint(np.load('mine.npy'))",
}  # fmt: skip


def colab(notebook: Notebook) -> None:
    """What Colab saves: labels and ids gone, its own metadata, outputs kept."""
    notebook["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True, "gpuType": "T4"},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "accelerator": "GPU",
    }
    notebook["nbformat_minor"] = 0
    for number, cell in enumerate(notebook["cells"]):
        cell.pop("id", None)
        cell["metadata"] = {"id": f"aB3{number}"}
        cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cell["metadata"] |= {"outputId": f"7c-{number}", "colab": {"base_uri": "https://localhost:8080/"}}


def vscode(notebook: Notebook) -> None:
    """What VS Code saves: new ids, its own metadata beside the labels."""
    notebook["metadata"]["vscode"] = {"interpreter": {"hash": "abc"}}
    notebook["metadata"].pop("celltoolbar", None)
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"W{number}sZmlsZQ=="
        cell["metadata"]["vscode"] = {"languageId": "python"}
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)


def _split(name: str, source: str) -> Edit:
    def edit(notebook: Notebook) -> None:
        place = next(i for i, cell in enumerate(notebook["cells"]) if cell.get("id") == name)
        notebook["cells"][place]["source"] = "def helper(x):\n    return x"
        notebook["cells"].insert(place + 1, code_cell(source))

    return edit


def _shadowing(right: dict[str, str]) -> str:
    """Other meanings for Python's own names that the solutions do without."""
    text = "\n".join(right.values())
    names = ("list", "str", "isinstance", "print", "float", "vars", "id", "all", "type", "abs", "bool")
    return "\n".join(f"{name} = None" for name in names if not re.search(rf"\b{name}\b", text))


def _joined(names: list[str], right: dict[str, str]) -> Edit:
    """The first two solutions in one cell, the other one gone."""

    def edit(notebook: Notebook) -> None:
        first, second = (c for c in notebook["cells"] if c.get("id") in names[:2])
        first["source"] = f"{right[names[0]]}\n\n{right[names[1]]}"
        notebook["cells"].remove(second)

    return edit


def _scratch_cells(notebook: Notebook) -> None:
    cells = []
    for number, cell in enumerate(notebook["cells"]):
        extra = [code_cell(""), text_cell(f"note {number}"), code_cell(f"x{number} = {number}")]
        cells += [cell, extra[number % 3]]
    notebook["cells"] = cells


def _texts_edited(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = "My notes\n\n" + cell["source"]


def _deleted_checks(notebook: Notebook) -> None:
    for cell in [c for c in notebook["cells"] if c.get("id", "").startswith("check_")][::3]:
        notebook["cells"].remove(cell)


def _copied_cells(notebook: Notebook) -> None:
    for cell in [c for c in notebook["cells"] if c.get("id", "").startswith("check_")][:2]:
        notebook["cells"].insert(notebook["cells"].index(cell), copy.deepcopy(cell))


def _moved_cells(notebook: Notebook) -> None:
    """One solution stands above its text, another behind its check."""
    solutions = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("solution")]
    for cell, by in zip(solutions[:2], (-1, 1), strict=True):
        place = notebook["cells"].index(cell)
        notebook["cells"].insert(place + by, notebook["cells"].pop(place))


def _run_before(notebook: Notebook) -> None:
    picture = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": "iVBORw0KGgo" + "A" * 200_000},
    }
    widget = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}}
    notebook["metadata"]["widgets"] = widget
    for number, cell in enumerate(c for c in notebook["cells"] if c["cell_type"] == "code"):
        cell["execution_count"] = number + 1
        cell["metadata"]["execution"] = {"iopub.execute_input": "2026-01-01T00:00:00Z"}
        cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "hide-input"]
        cell["outputs"] = [picture] if number % 10 == 0 else []


EDITS: dict[str, Edit] = {
    "colab": colab,
    "vscode": vscode,
    "scratch-cells": _scratch_cells,
    "texts-edited": _texts_edited,
    "deleted-checks": _deleted_checks,
    "copied-checks": _copied_cells,
    "moved-cells": _moved_cells,
    "run-before": _run_before,
}
