"""Who may import whom, and what no file may do. ARCHITECTURE.md has the reasons."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kexplorer

ROOT = Path(kexplorer.__file__).parent
_CODECS = {"faker", "jsonschema", "msgspec", "re2", "referencing"}

# Layer -> the modules it may import beside the standard library and itself. The longest matching layer counts.
ALLOWED: dict[str, set[str]] = {
    "kexplorer.model": set(),
    "kexplorer.formats": {"kexplorer.model", *_CODECS},
    "kexplorer.kafka": {"kexplorer.model", "kexplorer.formats", "confluent_kafka"},
    "kexplorer.kafka.record_batches": {"kexplorer.model", "cramjam", "google_crc32c"},
    "kexplorer.kafka.protocol": {"kexplorer.model", "kafka"},
    "kexplorer.registry": {"kexplorer.model", "kexplorer.formats"},
    "kexplorer.store": {"kexplorer.model", "keyring", "platformdirs", "tomlkit"},
    "kexplorer.services": {"kexplorer.model", "kexplorer.formats", "kexplorer.registry", "kexplorer.store"},
    "kexplorer.ui.models": {
        *("kexplorer.model", "kexplorer.formats", "kexplorer.services"),
        *("PySide6.QtCore", "PySide6.QtGui"),
    },
    "kexplorer.ui": {
        *("kexplorer.model", "kexplorer.formats", "kexplorer.services"),
        *("PySide6", "pyqtgraph", "numpy"),
    },
    "kexplorer.demo": {"noida_db", "confluent_kafka"},
}


def _files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def _module(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported; of `from a import b` it is `a.b`."""
    package = _module(file) if file.name == "__init__.py" else _module(file).rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def _within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _forbidden(module: str, imported: str) -> bool:
    layer = max((each for each in ALLOWED if _within(module, each)), key=len, default=None)
    if layer is None or imported.partition(".")[0] in sys.stdlib_module_names:
        return False  # app, cli and __main__ put everything together
    return not any(_within(imported, allowed) for allowed in {layer, *ALLOWED[layer]})


def _calls(file: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(name):
            return name
        case ast.Attribute(_, name):
            return f".{name}"
    return ""


@pytest.mark.parametrize(
    ("module", "imported", "forbidden"),
    [
        ("kexplorer.model.records", "kexplorer.model.failure", False),
        ("kexplorer.model.records", "kexplorer.kafka.reader", True),
        ("kexplorer.model.records", "asyncio.sleep", False),
        ("kexplorer.services.browser", "confluent_kafka.Consumer", True),
        ("kexplorer.services.browser", "kexplorer.kafka.cluster", True),
        ("kexplorer.services.browser", "PySide6.QtCore", True),
        ("kexplorer.ui.models.topics", "PySide6.QtCore.Qt", False),
        ("kexplorer.ui.models.topics", "PySide6.QtWidgets.QLabel", True),
        ("kexplorer.ui.models.topics", "kexplorer.ui.theme", True),
        ("kexplorer.ui.workspace", "kexplorer.ui.models.topics", False),
        ("kexplorer.ui.workspace", "kexplorer.kafka.cluster", True),
        ("kexplorer.demo.shop", "kexplorer.model.topics", True),
        ("kexplorer.app", "kexplorer.kafka.cluster", False),
        ("kexplorer.modelling", "kexplorer.kafka.cluster", False),
    ],
)
def test_the_rule_itself(module: str, imported: str, forbidden: bool) -> None:
    assert _forbidden(module, imported) is forbidden


def test_every_file_keeps_to_its_layer() -> None:
    files = _files()
    assert len(files) > 20
    wrong = [
        f"{file.relative_to(ROOT.parent)}:{line} imports {imported}"
        for file in files
        for line, imported in _imports(file)
        if _forbidden(_module(file), imported)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_package_is_a_layer() -> None:
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert packages == {layer.split(".")[1] for layer in ALLOWED if layer.count(".") == 1}


def test_qasync_has_one_importer() -> None:
    """Everything else asks `asyncio` for the running loop, so that it runs under any."""
    wrong = [file.name for file in _files() for _, name in _imports(file) if _within(name, "qasync")]
    assert set(wrong) <= {"app.py"}


def test_no_module_of_leftovers() -> None:
    wrong = [str(file) for file in _files() if file.stem in {"utils", "util", "helpers", "misc", "common"}]
    assert not wrong, wrong


def test_outside_text_never_becomes_code() -> None:
    """No `eval`, no `exec` (Qt's nested loop included), no unpickling, no shell."""
    wrong = [
        f"{file.relative_to(ROOT.parent)}:{call.lineno} calls {_called(call)}"
        for file in _files()
        for call in _calls(file)
        if _called(call) in {"eval", "exec", "compile", "__import__", ".exec", ".exec_"}
        or any(k.arg == "shell" for k in call.keywords)
    ]
    wrong += [
        f"{file.relative_to(ROOT.parent)}:{line} imports {name}"
        for file in _files()
        for line, name in _imports(file)
        if name.partition(".")[0] in {"pickle", "shelve", "marshal", "dill"} or _within(name, "PySide6.QtUiTools")
    ]
    assert not wrong, "\n".join(wrong)


def test_labels_of_data_are_plain_text() -> None:
    """A QLabel takes what looks like HTML for HTML: only the file of our own labels, which turns that off, may give
    one a text that is not written in the source."""
    wrong = [
        f"{file.relative_to(ROOT.parent)}:{call.lineno}"
        for file in _files()
        if file.relative_to(ROOT) != Path("ui/widgets/labels.py")
        for call in _calls(file)
        if _called(call) in {"QLabel", ".QLabel"} and any(_may_be_data(each) for each in call.args)
    ]
    assert not wrong, "\n".join(wrong)


def _may_be_data(argument: ast.expr) -> bool:
    """Whether an argument of QLabel may be a text that is not written in the source. A parent widget may."""
    return not isinstance(argument, ast.Constant) and not (isinstance(argument, ast.Name) and argument.id == "self")
