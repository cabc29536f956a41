"""The architecture as a test: who may import whom, read from the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import segeval
from segeval.tables.lane import compiled

PACKAGE = Path(__file__).resolve().parents[1] / "segeval"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("records", "errors", "version", "files"),
    ("stores",),
    ("protocol",),
    ("tables",),
    ("contours",),
    ("scores",),
    ("images",),
    ("folders",),
    ("request",),
    ("runs",),
    ("sampling",),
    ("report",),
    ("findings",),
    ("measuring",),
    ("comparison", "explanation"),
    ("render",),
    ("pictures",),
    ("api", "accumulator"),
    ("cli",),
)
"""The rooms from the bottom up: packages, and modules beside them. A room imports from lower layers only, and from what
stands before it in its own."""

NO_TERMINAL = ("click", "rich")
FORBIDDEN: dict[str, tuple[str, ...]] = {
    "records": ("numpy", "PIL", "click", "rich", "tqdm"),
    "errors": ("numpy", "PIL", "click", "rich", "tqdm"),
    "files": ("numpy", "PIL", "click", "rich", "tqdm"),
    "version": ("numpy", "PIL", "click", "rich", "tqdm"),
    "stores": ("PIL", "numpy", *NO_TERMINAL),
    "protocol": ("PIL", *NO_TERMINAL),
    "tables": ("PIL", "pathlib", *NO_TERMINAL),
    "contours": ("PIL", "pathlib", *NO_TERMINAL),
    "scores": ("PIL", "pathlib", "tqdm", *NO_TERMINAL),
    "images": NO_TERMINAL,
    "folders": ("PIL", "numpy", *NO_TERMINAL),
    "request": ("PIL", "numpy", *NO_TERMINAL),
    "runs": ("PIL", *NO_TERMINAL),
    "sampling": ("PIL", *NO_TERMINAL),
    "report": ("PIL", *NO_TERMINAL),
    "findings": NO_TERMINAL,
    "measuring": ("tqdm", *NO_TERMINAL),
    "comparison": NO_TERMINAL,
    "explanation": NO_TERMINAL,
    "render": ("PIL",),
    "pictures": NO_TERMINAL,
    "api": NO_TERMINAL,
    "accumulator": NO_TERMINAL,
}
"""What the files of a room may never import themselves, besides what its layer rules out."""


def module_name(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
PLACES = {name: (layer, place) for layer, names in enumerate(LAYERS) for place, name in enumerate(names)}


def test_every_module_has_a_place() -> None:
    assert {module_name(path) for path in SOURCES} - {"__main__"} == set(PLACES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    own = module_name(path)
    if own == "__main__":
        return
    layer, place = PLACES[own]
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] not in FORBIDDEN.get(own, ()), f"{own} may not import {name}"
        if parts[0] == "PIL":
            assert own in ("images", "pictures"), "only the readers of image files, and what draws, import PIL"
        if parts[0] != "segeval" or parts[1] in (own, "__version__"):
            continue
        other_layer, other_place = PLACES[parts[1]]
        below = other_layer < layer or (other_layer == layer and other_place < place)
        assert below, f"{own} (layer {layer}) imports {parts[1]} (layer {other_layer})"


def dotted(path: Path) -> str:
    return ".".join(("segeval", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def needed(path: Path, modules: set[str]) -> set[str]:
    """Return the modules that one imports when it is loaded or run, types apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                found.add(name if name in modules else node.module)
    return found & modules - {dotted(path)}


def test_no_modules_import_each_other_within_a_package_either() -> None:
    modules = {dotted(path) for path in SOURCES}
    graph = {dotted(path): needed(path, modules) for path in SOURCES}
    assert sum(map(len, graph.values())) > 200, "the imports were read"
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if module_name(path) == "render"], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_renderers_are_pure(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    opened = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "open"]
    assert not opened
    assert not {"measuring", "api"} & {name.split(".")[1] for name in imports(path) if name.startswith("segeval.")}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["score", "--help"]])
def test_help_and_version_import_no_heavy_package(arguments: list[str]) -> None:
    probe = (
        "import sys; from segeval.cli import run; code = run(sys.argv[1:]); "
        "print(sorted({'numpy', 'PIL', 'rich', 'tqdm'} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", probe, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"


def test_the_list_of_verbs_imports_none_of_them() -> None:
    probe = "import sys; from segeval.cli import run; run(['--help']); print(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "segeval.cli.root" in done.stderr.split()
    assert not [name for name in done.stderr.split() if name.startswith("segeval.cli.verbs.")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_are_of_a_size_to_be_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    assert lines <= 350, f"{lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


MOST_ROOMS = 16
MOST_MODULES = 34
TRACE = """
import sys, threading
from pathlib import Path

import segeval.cli.verbs.score
from segeval.cli import run

root, *arguments = sys.argv[1:]
run(arguments)  # imports are over, and class bodies with them
met = set()
walking = False

def note(frame, event, argument):
    global walking
    code = frame.f_code
    if code is segeval.cli.verbs.score.score.callback.__code__:
        walking = event == "call"
    if walking and event == "call" and code.co_filename.startswith(root):
        met.add(code.co_filename)

threading.setprofile(note)
sys.setprofile(note)
code = run(arguments)
sys.setprofile(None)
print(*sorted(str(Path(name).relative_to(root)) for name in met), sep="\\n", file=sys.stderr)
sys.exit(code)
"""
"""Note the modules of which a function is called between the verb's first line and its last."""


def test_a_score_walks_through_few_rooms() -> None:
    samples = PACKAGE.parent / "sample_masks"
    root = Path(segeval.__file__).parent
    command = [sys.executable, "-c", TRACE, str(root), "score", "pred", "gt", "-q", "--no-config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=samples)
    assert done.returncode == 0, done.stderr
    # How data classes compare is no stop: the standard library's, made in no file, would not be met either.
    modules = [Path(line) for line in done.stderr.splitlines() if line != "records.py"]
    rooms = sorted({path.parts[0].removesuffix(".py") for path in modules})
    told = f"{len(rooms)} rooms, {len(modules)} modules: {', '.join(map(str, modules))}"
    assert {"cli", "measuring", "tables", "render"} <= set(rooms), told
    assert len(rooms) <= MOST_ROOMS, told
    # What compiled kernels do, which are not seen here, Pillow and NumPy do in a module each.
    assert len(modules) <= MOST_MODULES + (0 if compiled() else 2), told
