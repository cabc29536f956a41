"""Mutation testing by hand: `python -m tests.support.mutation segeval/scores/overlap.py`.

A mutant is a module with one operator, comparison, constant, condition or statement changed. Each is loaded in a forked
process in place of the module, and the test files named for it are run until one fails. What no test notices is
printed, as a line of the source with its change.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
TESTS: dict[str, tuple[str, ...]] = {
    "counting": ("test_counts",),
    "counts": ("test_counts", "test_big_numbers::test_sums_that_do_not_fit_are_refused_and_never_wrapped"),
    "labeling": ("test_labeling", "test_metrics"),
    "confusion": ("test_metrics", "test_labeling", "test_conventions", "test_score"),
    "metrics": ("test_metrics", "test_conventions", "test_score"),
    "losses": ("test_losses", "test_loss_reductions"),
}
"""Module -> the test files that specify it, the quick ones first."""
QUIET = ("-o", "addopts=", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""No other process may run a test, and Hypothesis is imported before pytest can rewrite it, which costs nothing."""
MEMORY = 8 << 30
SECONDS = 120
"""A mutant that takes longer has made a loop endless: a test has noticed."""

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


@dataclass(frozen=True)
class Mutant:
    """Hold one changed module: its source, and where and what the change is."""

    source: str
    line: int
    before: str
    after: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse(source)
    skipped = _not_code(tree)
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        for change in range(_changes(node)):
            changed: ast.AST = copy.deepcopy(tree)
            target = list(ast.walk(changed))[index]
            before = ast.unparse(target)
            replaced = _changed(target, change)
            if replaced is not target:
                changed = _Exchange(target, replaced).visit(changed)
            ast.fix_missing_locations(changed)
            after = ast.unparse(replaced)
            yield Mutant(ast.unparse(changed), getattr(node, "lineno", 0), before, after)


def _not_code(tree: ast.Module) -> set[int]:
    """Return the nodes that decide nothing: annotations, docstrings, imports, decorators, and texts of errors."""
    found: set[int] = set()
    for node in ast.walk(tree):
        roots: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs]
            roots += [node.returns, *(argument.annotation for argument in arguments), *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            roots += node.decorator_list
        elif isinstance(node, ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr) or _is_text(node):
            roots.append(node)
        for root in roots:
            if root is not None:
                found.update(id(below) for below in ast.walk(root))
    return found


def _is_text(node: ast.AST) -> bool:
    """Tell a docstring, and a list of names."""
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST) -> int:
    """Return in how many ways a node can be changed."""
    if isinstance(node, ast.Compare):
        return len(node.ops)
    if isinstance(node, ast.Constant):
        return 1 if isinstance(node.value, int | float) else 0
    if isinstance(node, ast.BinOp | ast.AugAssign):
        return int(type(node.op) in OPERATORS)
    if isinstance(node, ast.UnaryOp):
        return int(isinstance(node.op, ast.Not | ast.USub | ast.Invert))
    kinds = (ast.BoolOp, ast.If, ast.IfExp, ast.While, ast.Assign, ast.Return, ast.Expr)
    return int(isinstance(node, kinds))


def _changed(node: ast.AST, change: int) -> ast.AST:
    """Return the node that takes the place of `node`, or `node` itself, changed."""
    if isinstance(node, ast.Compare):
        node.ops[change] = COMPARISONS[type(node.ops[change])]()
    elif isinstance(node, ast.Constant):
        value = node.value
        node.value = not value if isinstance(value, bool) else value + 1  # type: ignore[operator]  # numbers only
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        node.op = OPERATORS[type(node.op)]()
    elif isinstance(node, ast.UnaryOp):
        return node.operand
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Return | ast.Assign):
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Expr):
        return ast.Pass()
    return node


class _Exchange(ast.NodeTransformer):
    """Put one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._old:
            return self._new
        return self.generic_visit(node)


class _Loader(importlib.abc.InspectLoader, importlib.abc.MetaPathFinder):
    """Import one module from a given source."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=fullname)

    def get_source(self, fullname: str) -> str:
        return self._source


def noticed(name: str, source: str, tests: Sequence[str]) -> str:
    """Run the tests with a module exchanged; return "killed", "survived" or "too long"."""
    child = os.fork()
    if child == 0:
        os.setsid()
        # A shell lets what it starts in the background ignore Ctrl-C, and a test of it would fail.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        code = 3
        try:
            sys.meta_path.insert(0, _Loader(name, source))
            import pytest

            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", *QUIET, *tests]))
        finally:
            os._exit(code)
    deadline = time.monotonic() + SECONDS
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "too long"
        time.sleep(0.02)


def main() -> int:
    """Try every mutant of the modules named and print those that no test notices."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.mutation", description=__doc__)
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--tests", help="test files in place of the usual ones, with commas")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--lines", help="only these lines, with commas, as those of earlier survivors")
    chosen = parser.parse_args()
    # Imported once; every child has them from here.
    import hypothesis
    import numpy
    import pytest

    assert all((hypothesis, numpy, pytest))
    survivors = 0
    for path in chosen.modules:
        name = ".".join(path.resolve().relative_to(ROOT).with_suffix("").parts)
        names = chosen.tests.split(",") if chosen.tests else TESTS[path.stem]
        tests = ["::".join([f"tests/{file}.py", *rest]) for file, *rest in (entry.split("::") for entry in names)]
        assert noticed(name, path.read_text(), tests) == "survived", "the tests fail without any change"
        lines = {int(line) for line in chosen.lines.split(",")} if chosen.lines else set()
        found = [mutant for mutant in mutants(path.read_text()) if not lines or mutant.line in lines]
        with ThreadPoolExecutor(chosen.workers) as pool:
            fates = list(pool.map(noticed, repeat(name), (mutant.source for mutant in found), repeat(tests)))
        alive = [mutant for mutant, fate in zip(found, fates, strict=True) if fate == "survived"]
        survivors += len(alive)
        late = fates.count("too long")
        print(
            f"{path}: {len(found)} mutants, {len(found) - len(alive)} noticed ({late} by taking too long)", flush=True
        )
        for mutant in alive:
            print(f"  line {mutant.line}: {mutant.before}  ->  {mutant.after}"[:220], flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
