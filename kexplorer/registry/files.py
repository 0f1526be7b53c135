"""Schemas that a person keeps in files: Avro, JSON Schema, .proto with what it imports, or the descriptors that
`protoc` writes."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.encode_json import JsonChecker
from kexplorer.formats.proto_text import FileText, MessageText, parse
from kexplorer.formats.proto_types import DESCRIPTORS, of_descriptor
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.schemas import compiled
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat, SchemaText

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


def usable_schema(assignment: SchemaAssignment) -> SchemaText:
    """As `read_schema`, but what is wrong with the schema itself is a `Failure`, too."""
    text = read_schema(assignment)
    try:
        compiled(text)
        if text.format is SchemaFormat.JSON:  # decoding does not read it, but whoever writes is held to it
            JsonChecker(text.text)
    except Unreadable as why:
        raise _unusable(assignment.file, why) from None
    return text


def message_types(file: str) -> list[str]:
    """Full names of the messages that a Protobuf file declares; the first is what `type_name` "" stands for. Raises
    `Failure`."""
    text = usable_schema(SchemaAssignment("", Part.VALUE, SchemaFormat.PROTOBUF, file)).text
    files = [parse(text)] if isinstance(text, str) else _described(text)
    return [name for each in reversed(files) for name in _names(each.package, each.content.messages)]


def _described(descriptors: bytes) -> list[FileText]:
    """The files of a FileDescriptorSet, or the one of a FileDescriptorProto; it is known to be one of them."""
    payload = memoryview(descriptors)
    try:
        found = json.loads(ProtobufSchema.of(DESCRIPTORS, type_name="Set").reading(payload, None).text)["file"]
        return [of_descriptor(each) for each in found]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return [of_descriptor(json.loads(ProtobufSchema.of(DESCRIPTORS, type_name="File").reading(payload, None).text))]


def _names(scope: str, messages: Iterable[MessageText]) -> Iterator[str]:
    for each in messages:
        if not each.is_entry:
            name = f"{scope}.{each.name}" if scope else each.name
            yield name
            yield from _names(name, each.messages)


def _unusable(file: str | Path, why: Unreadable) -> Failure:
    return Failure(FailureKind.UNREADABLE, f"{file}: {why}.", "Choose another file, or correct it.")


def _collect(path: Path, text: str, roots: list[Path], found: dict[str, str | bytes]) -> None:
    try:
        imports = parse(text).imports
    except Unreadable as why:
        raise _unusable(path, why) from None
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
