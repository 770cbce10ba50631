"""Makes mutants: copies of a solution, each with one small change such as a tired student might make.

Left alone are docstrings, type annotations, and what stands inside a `raise` (the words of an error message).
Statements whose absence could only crash (a plain assignment, a return) are not left out: killing those
mutants would prove nothing.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

LEFT_OUT = "(left out)"

ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Div: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
}
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
NAMES = {"min": "max", "max": "min", "sum": "mean", "zeros": "ones", "any": "all", "all": "any"}
COMMUTATIVE = ("min", "max", "swapaxes")  # the order of their arguments does not matter


@dataclass(frozen=True)
class Mutant:
    """A copy of a solution cell with one change."""

    change: str  # in one line: "statement before => statement after"
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of a solution cell, in a fixed order, none twice."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    nodes = list(ast.walk(tree))
    number = {id(node): index for index, node in enumerate(nodes)}
    for function in [node for node in nodes if isinstance(node, ast.FunctionDef)]:
        partners = _partners(function)
        for statement in _statements(function):
            for node in _own_nodes(statement):
                for replacement in _replacements(node, partners):
                    whole = copy.deepcopy(tree)
                    twins = list(ast.walk(whole))
                    twin = twins[number[id(statement)]]
                    _Replace(twins[number[id(node)]], replacement).visit(whole)
                    code = ast.unparse(ast.fix_missing_locations(whole))
                    if code in seen:
                        continue
                    seen.add(code)
                    if node is not statement:
                        after = _line(twin)
                    else:
                        after = LEFT_OUT if isinstance(replacement, ast.Pass) else _line(replacement)
                    yield Mutant(f"{_line(statement)} => {after}", code)


class _Replace(ast.NodeTransformer):
    """Puts a new node in the place of one node."""

    def __init__(self, target: ast.AST, replacement: ast.AST) -> None:
        self._target, self._replacement = target, replacement

    def visit(self, node: ast.AST) -> ast.AST:
        return self._replacement if node is self._target else self.generic_visit(node)


def _line(node: ast.AST) -> str:
    """A statement in one line; of a compound statement its head."""
    return ast.unparse(node).splitlines()[0]


def _statements(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """The function itself (for its defaults) and its statements, except docstrings and raised errors."""
    yield function
    for node in ast.walk(function):
        for body in (getattr(node, "body", []), getattr(node, "orelse", [])):
            for statement in body if isinstance(body, list) else []:
                is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
                if not is_text and not isinstance(statement, ast.FunctionDef):
                    yield statement


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The statement and the expressions that belong to it, not those of statements inside it."""
    yield statement
    if isinstance(statement, ast.Raise):
        return
    if isinstance(statement, ast.FunctionDef):
        arguments = statement.args
        waiting: list[ast.AST] = [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
    else:
        waiting = list(ast.iter_child_nodes(statement))
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.stmt, ast.JoinedStr)):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def _partners(function: ast.FunctionDef) -> dict[str, set[str]]:
    """For each name the names it is easily mistaken for: those unpacked beside it, and like arguments."""
    groups = [
        [item.id for item in node.elts if isinstance(item, ast.Name)]
        for node in ast.walk(function)
        if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store)
    ]
    arguments = function.args.args
    with_default = arguments[len(arguments) - len(function.args.defaults) :]
    groups.append([argument.arg for argument in with_default])
    groups.append([argument.arg for argument in arguments[: len(arguments) - len(with_default)]])
    partners: dict[str, set[str]] = {}
    for group in groups:
        for name in group:
            partners.setdefault(name, set()).update(
                other for other in group if other not in (name, "_", "self")
            )
    return partners


def _replacements(node: ast.AST, partners: dict[str, set[str]]) -> Iterator[ast.AST]:
    """What may be put in the place of a node."""
    if isinstance(node, ast.stmt):
        yield from _for_statement(node)
    elif isinstance(node, ast.Constant):
        yield from _for_constant(node)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for name in sorted(partners.get(node.id, ())):
            yield ast.Name(name, ast.Load())
        if node.id in NAMES:
            yield ast.Name(NAMES[node.id], ast.Load())
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield ast.Attribute(copy.deepcopy(node.value), NAMES[node.attr], node.ctx)
    elif isinstance(node, ast.BinOp):
        for operator in ARITHMETIC.get(type(node.op), ()):
            yield ast.BinOp(node.left, operator(), node.right)
        yield node.left
        yield node.right
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield node.operand
    elif isinstance(node, ast.Compare):
        for place, comparison in enumerate(node.ops):
            for opposite in COMPARISONS.get(type(comparison), ()):
                operators = [*node.ops[:place], opposite(), *node.ops[place + 1 :]]
                yield ast.Compare(node.left, operators, node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for place in range(len(node.values)):
            rest = [value for other, value in enumerate(node.values) if other != place]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Call):
        yield from _for_call(node)
    elif isinstance(node, ast.Slice):
        yield from _for_slice(node)
    elif isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load):
        for elements in _neighbours_swapped(node.elts):
            yield type(node)(elements, node.ctx)
    elif isinstance(node, ast.comprehension):
        for place in range(len(node.ifs)):
            rest = [test for other, test in enumerate(node.ifs) if other != place]
            yield ast.comprehension(node.target, node.iter, rest, node.is_async)


def _for_statement(node: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(node, (ast.Expr, ast.Raise, ast.If, ast.AugAssign)) or (
        isinstance(node, ast.Assign) and not _binds_names(node)
    ):
        yield ast.Pass()
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value, lineno=node.lineno)
        for operator in ARITHMETIC.get(type(node.op), ()):
            yield ast.AugAssign(node.target, operator(), node.value)
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
        yield ast.AugAssign(node.targets[0], ast.Add(), node.value)
    if isinstance(node, ast.If):
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)


def _binds_names(node: ast.Assign) -> bool:
    return any(isinstance(target, (ast.Name, ast.Tuple)) for target in node.targets)


def _for_constant(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
        yield ast.Constant(value - 1)
    elif isinstance(value, str) and "->" in value:
        yield ast.Constant(value[:-2] + value[-1] + value[-2])  # the last two axes of an einsum's answer
        first, rest = value.split(",", 1) if "," in value else value.split("->", 1)
        yield ast.Constant(f"{first[:-2]}{first[-1]}{first[-2]}{value[len(first)]}{rest}")
    elif isinstance(value, str):
        yield ast.Constant(value + "?")


def _for_call(node: ast.Call) -> Iterator[ast.expr]:
    for place in range(len(node.keywords)):
        rest = [keyword for other, keyword in enumerate(node.keywords) if other != place]
        yield ast.Call(node.func, node.args, rest)
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    for arguments in _neighbours_swapped(node.args) if name not in COMMUTATIVE else ():
        yield ast.Call(node.func, arguments, node.keywords)
    if len(node.args) > 1:
        yield ast.Call(node.func, node.args[:-1], node.keywords)
    if isinstance(node.func, ast.Attribute):
        yield node.func.value  # a method call left out


def _for_slice(node: ast.Slice) -> Iterator[ast.expr]:
    lower, upper = node.lower, node.upper
    if lower is None:
        yield ast.Slice(ast.Constant(1), upper, node.step)
    else:
        yield ast.Slice(None, upper, node.step)
        yield ast.Slice(_plus(lower, 1), upper, node.step)
    if upper is None:
        yield ast.Slice(lower, ast.Constant(-1), node.step)
    else:
        yield ast.Slice(lower, None, node.step)
        yield ast.Slice(lower, _plus(upper, 1), node.step)
        yield ast.Slice(lower, _plus(upper, -1), node.step)
    if node.step is not None:
        yield ast.Slice(lower, upper, None)


def _plus(node: ast.expr, number: int) -> ast.expr:
    return ast.BinOp(node, ast.Add() if number > 0 else ast.Sub(), ast.Constant(abs(number)))


def _neighbours_swapped(elements: list[ast.expr]) -> Iterator[list[ast.expr]]:
    for place in range(len(elements) - 1):
        yield [*elements[:place], elements[place + 1], elements[place], *elements[place + 2 :]]
