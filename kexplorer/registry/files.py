"""Schemas that a person keeps in files: .avsc, .proto with what it imports, or the descriptors that `protoc` writes."""

from __future__ import annotations

import re
import stat
from pathlib import Path, PurePosixPath

from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.proto_text import parse
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.schemas import SchemaAssignment, SchemaFormat, SchemaText

_MOST_BYTES = 4_000_000  # of a file
_MOST_FILES = 200
_MOST_ROOTS = 6  # directories above a .proto file in which its imports are looked for
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]*+")


def read_schema(assignment: SchemaAssignment) -> SchemaText:
    """The file, and for .proto text what it imports from its directory and those above. Raises `Failure`."""
    path = Path(assignment.file)
    content = _content(path)
    if assignment.format is not SchemaFormat.PROTOBUF:
        return SchemaText(assignment.format, _decoded(path, content))
    if path.suffix != ".proto" and not _TEXT.fullmatch(content[:4096]):
        return SchemaText(SchemaFormat.PROTOBUF, content, type_name=assignment.type_name)
    text = _decoded(path, content)
    found: dict[str, str | bytes] = {}
    _collect(path, text, [path.parent, *path.parent.parents][:_MOST_ROOTS], found)
    return SchemaText(SchemaFormat.PROTOBUF, text, tuple(found.items()), assignment.type_name)


def _collect(path: Path, text: str, roots: list[Path], found: dict[str, str | bytes]) -> None:
    try:
        imports = parse(text).imports
    except Unreadable as why:
        raise Failure(FailureKind.UNREADABLE, f"{path}: {why}.") from None
    for name in imports:
        inside = PurePosixPath(name)
        if name in found or inside.is_absolute() or ".." in inside.parts or "\0" in name or "\\" in name:
            continue
        imported = next((root / inside for root in roots if (root / inside).is_file()), None)
        if imported is None:
            continue  # Google's own are built in; of others the fields are shown by their numbers
        if len(found) >= _MOST_FILES:
            raise Failure(FailureKind.INVALID, f"{path} imports more than {_MOST_FILES} files.")
        found[name] = ""  # so that a circle ends
        inner = _decoded(imported, _content(imported))
        _collect(imported, inner, roots, found)
        del found[name]
        found[name] = inner


def _content(path: Path) -> bytes:
    try:
        if not path.is_absolute():
            raise Failure(FailureKind.INVALID, f"The schema file {path} is not an absolute path.")
        with path.open("rb") as file:
            if not stat.S_ISREG(path.stat().st_mode):
                raise Failure(FailureKind.REFUSED, f"The schema file {path} is not a regular file.")
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Failure(FailureKind.NOT_FOUND, f"The schema file {path} could not be read: {reason}.") from None
    if len(content) > _MOST_BYTES:
        raise Failure(FailureKind.INVALID, f"The schema file {path} is larger than {_MOST_BYTES // 1_000_000} MB.")
    return content


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Failure(FailureKind.UNREADABLE, f"The schema file {path} is not UTF-8.") from None
