"""Protobuf's schema language, read for what decoding needs: https://protobuf.dev/reference/protobuf/proto3-spec/

Options, services and reserved numbers are skipped: nothing of them changes what the bytes mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kexplorer.formats.cursor import MOST_LEVELS, Unreadable

SCALARS = frozenset(
    [
        "double",
        "float",
        "int32",
        "int64",
        "uint32",
        "uint64",
        "sint32",
        "sint64",
        "fixed32",
        "fixed64",
        "sfixed32",
        "sfixed64",
        "bool",
        "string",
        "bytes",
    ]
)


@dataclass(slots=True)
class FieldText:
    """`type` is a scalar's name, or the name of a message or enum: absolute if it starts with a dot. `oneof`: what it
    shares with the fields of which at most one is there, "" for none."""

    name: str
    number: int
    type: str
    repeated: bool = False
    required: bool = False
    group: bool = False
    oneof: str = ""


@dataclass(slots=True)
class MessageText:
    """`extensions`: (extended message, field) declared within. `is_entry`: made for a map field."""

    name: str
    fields: list[FieldText] = field(default_factory=list)
    messages: list[MessageText] = field(default_factory=list)
    enums: list[EnumText] = field(default_factory=list)
    extensions: list[tuple[str, FieldText]] = field(default_factory=list)
    is_entry: bool = False


@dataclass(slots=True)
class EnumText:
    """`values`: number and name; of several names for a number the first."""

    name: str
    values: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class FileText:
    """`content.messages` are the file's own, in its order. `imports` are paths as they are written."""

    package: str = ""
    imports: list[str] = field(default_factory=list)
    content: MessageText = field(default_factory=lambda: MessageText(""))


def parse(text: str) -> FileText:
    """Raises Unreadable with the line of the mistake."""
    return _Parser(text).file()


_WORD = re.compile(
    r"[\s\ufeff]+|//[^\n]*|/\*.*?\*/"
    r"|(\.?[A-Za-z_][\w.]*|[-+]?(?:0[xX][0-9a-fA-F]+|[0-9][\w.]*(?:[eE][-+]?[0-9]+)?|\.[0-9]\w*)"
    r'|"(?:[^"\\\n]|\\.)*+"|\'(?:[^\'\\\n]|\\.)*+\'|[{}()\[\]<>;:=,/.+-])',
    re.DOTALL,
)
_LABELS = ("optional", "required", "repeated")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._words = self._scan()
        self._at = 0  # characters: start of the word that comes next
        self._next = next(self._words, "")
        self._levels = 0

    def _scan(self) -> Iterator[str]:
        at = 0
        while at < len(self._text):
            match = _WORD.match(self._text, at)
            self._at = at
            if not match:
                raise self._wrong(f"found {self._text[at]!r}")
            at = match.end()
            if match[1]:
                yield match[1]
        self._at = at

    def _wrong(self, why: str) -> Unreadable:
        line = self._text.count("\n", 0, self._at) + 1
        return Unreadable(f"the .proto text is not understood: line {line}, {why}")

    def _take(self, expected: str = "") -> str:
        word = self._next
        if not word or (expected and word != expected):
            wanted = f"“{expected}”" if expected else "more"
            raise self._wrong(f"expected {wanted}, found {f'“{word[:40]}”' if word else 'the end'}")
        self._next = next(self._words, "")
        return word

    def _accept(self, word: str) -> bool:
        found = self._next == word
        if found:
            self._take()
        return found

    def _number(self) -> int:
        word = self._take()
        try:
            return int(word, 8 if re.fullmatch(r"[-+]?0[0-7]+", word) else 0)
        except ValueError:
            raise self._wrong(f"expected a number, found “{word[:40]}”") from None

    def _string(self) -> str:
        word = self._take()
        if word[0] not in "\"'":
            raise self._wrong(f"expected a string, found “{word[:40]}”")
        return word[1:-1]

    def _skip(self) -> None:
        """To the end of a statement or of its block."""
        depth = 0
        while word := self._take():
            if word in ("{", "[", "("):
                depth += 1
            elif word in ("}", "]", ")"):
                depth -= 1
                if depth <= 0 and word == "}":
                    self._accept(";")
                    return
            elif word == ";" and depth <= 0:
                return

    def file(self) -> FileText:
        file = FileText()
        while self._next:
            if self._accept("import"):
                for word in ("public", "weak", "option"):
                    self._accept(word)
                file.imports.append(self._string())
                self._take(";")
            elif self._accept("package"):
                file.package = self._take()
                self._take(";")
            elif self._next in ("syntax", "edition", "option", "service", "export", "local"):
                if self._next in ("export", "local"):  # visibility, of edition 2024
                    self._take()
                else:
                    self._skip()
            else:
                self._member(file.content, in_file=True)
        return file

    def _member(self, message: MessageText, *, in_file: bool = False) -> None:
        """One statement of a file or of a message's block."""
        if self._accept(";"):
            return
        word = self._next
        if word == "message":
            message.messages.append(self._message())
        elif word == "enum":
            message.enums.append(self._enum())
        elif word == "extend":
            self._take()
            extended = self._take()
            inside = MessageText("")
            self._block(inside)
            message.extensions += [(extended, each) for each in inside.fields]
            message.messages += inside.messages
        elif in_file:
            raise self._wrong(f"“{word[:40]}” begins nothing that is known")
        elif word in ("option", "reserved", "extensions"):
            self._skip()
        elif word == "oneof":
            self._take()
            name, before = self._take(), len(message.fields)
            self._block(message)
            for each in message.fields[before:]:
                each.oneof = name
        else:
            self._field(message)

    def _block(self, message: MessageText) -> None:
        self._levels += 1
        if self._levels > MOST_LEVELS:
            raise self._wrong("nested too deeply")
        self._take("{")
        while not self._accept("}"):
            self._member(message)
        self._levels -= 1

    def _message(self) -> MessageText:
        self._take("message")
        message = MessageText(self._take())
        self._block(message)
        return message

    def _enum(self) -> EnumText:
        self._take("enum")
        enum = EnumText(self._take())
        self._take("{")
        while not self._accept("}"):
            if self._next in ("option", "reserved"):
                self._skip()
            elif not self._accept(";"):
                name = self._take()
                self._take("=")
                enum.values.setdefault(self._number(), name)
                self._skip()
        return enum

    def _field(self, message: MessageText) -> None:
        label = self._take() if self._next in _LABELS else ""
        kind = self._take()
        if kind == "map" and self._next == "<":
            kind = self._map(message)
            label = "repeated"
        name = self._take()
        self._take("=")
        number = self._number()
        group = kind == "group"
        if group:
            inside = MessageText(name)
            self._options()
            self._block(inside)
            message.messages.append(inside)
            kind, name = name, name.lower()
        else:
            self._options()
            self._take(";")
        message.fields.append(FieldText(name, number, kind, label == "repeated", label == "required", group))

    def _options(self) -> None:
        if self._next != "[":
            return
        depth = 0
        while depth or self._next == "[":
            word = self._take()
            depth += (word in ("[", "{")) - (word in ("]", "}"))

    def _map(self, message: MessageText) -> str:
        self._take("<")
        key = self._take()
        self._take(",")
        value = self._take()
        self._take(">")
        entry = MessageText(f"\0{len(message.messages)}", is_entry=True)  # a name that no author can give
        entry.fields = [FieldText("key", 1, key), FieldText("value", 2, value)]
        message.messages.append(entry)
        return entry.name
