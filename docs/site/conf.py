"""How `make site` turns the released notebooks and the students' pages into web pages: Sphinx with MyST-NB.

Nothing is run and nothing is fetched, when the pages are made or when they are read: figures are those stored
in the notebooks, and formulas are MathML, which browsers draw by themselves. The source folder is the
repository; only what `include_patterns` names is read, so no solution can get in.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

sys.path.insert(0, str(Path(__file__).parent))  # for released.py

project = "Convolutional networks"
author = "the authors of the course"
project_copyright = "CC-BY-4.0"
extensions = ["myst_nb"]
root_doc = "docs/site/index"
include_patterns = [
    "docs/site/index.md",
    "docs/students.md",
    "docs/glossary.md",
    "docs/formula_sheet.md",
    "docs/course_map.md",
    "notebooks/*/*.ipynb",
]
templates_path = ["templates"]
html_additional_pages = {"index": "redirect.html"}  # the address of the site itself
html_theme = "furo"
html_title = project
html_copy_source = False  # the notebooks are there to download, from the course's own address
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_custom_formats = {".ipynb": ["released.read_notebook", {}]}


def mathml(tex: str, display: str) -> str:
    r"""TeX as MathML. The converter does not know the names of the double bar behind \bigl."""
    return convert(re.sub(r"\\[lr]?Vert\b", "‖", tex), display=display)


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on lines of its own; a wide one scrolls."""
    translator.body.append(f'<div class="formula" tabindex="0">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this when it reads the configuration."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
