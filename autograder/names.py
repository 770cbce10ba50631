"""Which names a cell defines and reads: found in its text, without running it.

Used by the build (what may a check cell use?) and by intake (which of a student's cells is the
solution that lost its label?). The text may come from a student, so nothing here evaluates it,
and text that is too long or too deeply nested simply has no names.
"""

from __future__ import annotations

import ast
import builtins
import functools
import re
import symtable

BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "get_ipython", "display", "In", "Out", "_"}
LONGEST_SOURCE = 200_000
"""Characters; longer text is not parsed."""

_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr", "lambda"}  # as symtable calls them
_MAGIC_LINE = re.compile(r"^(\s*)[%!?].*$|^(\s*)\S.*\?\s*$")
# It begins with no space: two runs of spaces side by side would take the square of a line's length.
_MAGIC_VALUE = re.compile(r"^(\s*[\w.,\[\]][\w.,\s\[\]]*=)\s*[%!].*$")
_DEFINITION = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)|^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


def without_magics(source: str) -> str:
    """The text with IPython's ``%magic``, ``!command`` and ``name?`` lines replaced by ``pass``."""
    lines = []
    for line in source.splitlines():
        if found := _MAGIC_LINE.match(line):
            line = (found.group(1) or found.group(2) or "") + "pass"
        elif found := _MAGIC_VALUE.match(line):
            line = found.group(1) + " None"
        lines.append(line)
    return "\n".join(lines)


@functools.lru_cache(maxsize=1024)
def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell, or None where Python cannot read it. It is shared: do not change it."""
    if len(source) > LONGEST_SOURCE:
        return None
    for text_of in (str, without_magics):
        try:
            return ast.parse(text_of(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def defined(source: str) -> tuple[str, ...]:
    """The names a cell defines at top level, in order of appearance.

    Where the cell has a syntax error, the lines that begin like a definition are used instead.
    """
    tree = parse(source)
    if tree is None:
        found = (a or b for a, b in _DEFINITION.findall(source[:LONGEST_SOURCE]))
        return tuple(dict.fromkeys(found))
    names: dict[str, None] = {}
    for statement in tree.body:
        names.update(dict.fromkeys(sorted(binds(statement))))
    return tuple(names)


def read_first(source: str) -> frozenset[str]:
    """The names a cell reads from outside: before it has bound them itself, or inside its functions."""
    tree = parse(source)
    if tree is None:
        return frozenset()
    outside: set[str] = set()
    bound: set[str] = set()
    later: set[str] = set()
    for statement in tree.body:
        now, in_functions = _read(statement)
        own = binds(statement)
        if isinstance(statement, (ast.For, ast.While, ast.With, ast.If, ast.Try, ast.Match)):
            now -= own
        outside |= now - bound
        later |= in_functions
        bound |= own
    return frozenset(outside | (later - bound))


def normal_form(source: str) -> str:
    """The text in one canonical layout, so that comments, quotes and spaces make no difference."""
    tree = parse(source)
    if tree is not None:
        try:
            return ast.unparse(tree)
        except (RecursionError, ValueError):
            pass
    return "\n".join(line.strip() for line in source.splitlines() if line.strip())


def statements(source: str) -> list[ast.stmt]:
    """The top-level statements of a cell; none where it cannot be parsed."""
    tree = parse(source)
    return [] if tree is None else tree.body


def overridden(source: str) -> set[str]:
    """The names that top-level statements define or assign to, also to their attributes; not imports."""
    found: set[str] = set()
    for statement in statements(source):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(statement.name)
        elif isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            setting = isinstance(statement.value, ast.Constant)  # torch.backends.cudnn.benchmark = True
            found |= {name for target in targets for name in _roots(target, not setting)}
    return found


def _roots(target: ast.AST, of_attributes: bool) -> set[str]:
    """The names at the left end of assignment targets."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return {name for part in target.elts for name in _roots(part, of_attributes)}
    while of_attributes and isinstance(target, ast.Attribute):
        target = target.value
    return {target.id} if isinstance(target, ast.Name) else set()


def binds(statement: ast.stmt) -> set[str]:
    """The names that one top-level statement binds in the module."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    names: set[str] = set()
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            names.add(node.name)
        pending.extend(ast.iter_child_nodes(node))
    return names


def _read(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """Names one statement reads at once, and names its functions read when they are called."""
    try:
        table = symtable.symtable(ast.unparse(statement), "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), set()
    now = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        now.add(statement.target.id)
    later: set[str] = set()
    pending = table.get_children()
    while pending:
        child = pending.pop()
        found = {s.get_name() for s in child.get_symbols() if s.is_global() and s.is_referenced()}
        if child.get_type() == "function" and child.get_name() not in _COMPREHENSIONS:
            later |= found
        else:
            now |= found
        pending.extend(child.get_children())
    return now, later
