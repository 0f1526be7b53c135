"""Messages made of a template, one after the other."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.encoding import Encoder
from kexplorer.formats.template import Filling, Template
from kexplorer.formats.typed import NotFitting
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import MessageTemplate, Outgoing
from kexplorer.model.schemas import Part, PayloadSchema

_BY_SCHEMA = {"avro": "Avro", "protobuf": "Protobuf", "json_schema": "JSON Schema"}
_JSON = ("json", *_BY_SCHEMA)


class Composer:
    """Raises `Failure`(INVALID) where the template is wrong, naming the part and the place."""

    def __init__(
        self, template: MessageTemplate, topic: str = "", schemas: Mapping[Part, PayloadSchema] | None = None
    ) -> None:
        """`topic` is where messages go that the template does not send anywhere. `schemas`: of the parts in a format
        that needs one."""
        self._topic = template.topic or topic
        self._encoders = {part: _encoder(part, schema) for part, schema in (schemas or {}).items()}
        self._key = _compiled("key", template.key, template.key_format)
        self._value = _compiled("value", template.value, template.value_format)
        self._formats = template.key_format, template.value_format
        self._headers = [(name, _compiled(f"header {name}", text, "text")) for name, text in template.headers]

    @property
    def variables(self) -> tuple[str, ...]:
        """Of ${ask:...}, in the order in which they are met."""
        parts = [self._key, *(value for _, value in self._headers), self._value]
        return tuple(dict.fromkeys(name for part in parts if part for name in part.variables))

    def compose(self, filling: Filling) -> Outgoing:
        """The next message."""
        key = _payload("key", self._key, self._formats[0], filling, self._encoders.get(Part.KEY))
        value = _payload("value", self._value, self._formats[1], filling, self._encoders.get(Part.VALUE))
        headers = [(name, _payload(f"header {name}", text, "text", filling)) for name, text in self._headers]
        filling.next()
        return Outgoing(self._topic, key, value, headers)


def _compiled(part: str, text: str | None, form: str) -> Template | None:
    try:
        return None if text is None else Template(text, json=form in _JSON)
    except Failure as failure:
        raise Failure(failure.kind, f"The {part}: {failure.message}", failure.hint) from None


def _encoder(part: Part, schema: PayloadSchema) -> Encoder:
    try:
        return Encoder(schema)
    except Unreadable as why:
        raise Failure(FailureKind.UNREADABLE, f"The {part}'s schema cannot be used: {why}.") from None


def _payload(
    part: str, template: Template | None, form: str, filling: Filling, encoder: Encoder | None = None
) -> bytes | None:
    if template is None:
        return None
    text = template.fill(filling)
    try:
        match form:
            case "avro" | "protobuf" | "json_schema":
                if encoder is None:
                    hint = "Choose one where the message is composed."
                    raise Failure(FailureKind.INVALID, f"The {part} has no schema to be written by.", hint)
                return encoder.encode(text)
            case "hex":
                return bytes.fromhex(text)
            case "base64":
                return base64.b64decode(text, validate=True)
            case _:
                return text.encode()
    except NotFitting as wrong:
        what = f"The {part} does not fit its {_BY_SCHEMA[form]} schema: {wrong.reason}."
        raise Failure(FailureKind.INVALID, what, "Correct it.") from None
    except (ValueError, binascii.Error) as error:
        raise Failure(FailureKind.INVALID, f"The {part} is no {form}: {error}.", "Correct it.") from None
