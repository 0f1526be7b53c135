"""What is said of a key or value while it is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kexplorer.formats.numbers import size
from kexplorer.formats.template import Filling, Template
from kexplorer.formats.typed import NotFitting
from kexplorer.model.failure import Failure
from kexplorer.ui.widgets.payload_forms import BY_SCHEMA, Form, NotBytes, as_bytes, why_not_json

TYPED = (Form.TEXT, Form.JSON, *BY_SCHEMA)
AS_JSON = (Form.JSON, *BY_SCHEMA)
_SLOW = "${faker."  # half a second the first time

Encode = Callable[[str], bytes]


class Verdict(NamedTuple):
    """`offset`: the character at which something is wrong, if that is known."""

    sentence: str
    bad: bool = False
    offset: int | None = None


def verdict(text: str, form: Form, *, filled: bool, encode: Encode | None) -> Verdict:
    """`filled`: ${...} in it is filled in at sending. `encode` is that of the schema, None where there is none, which
    is said beside that. Needs no Qt: of a large text it may be asked for in another thread."""
    if filled and form in TYPED and "${" in text:
        return _of_template(text, form, encode)
    if form in BY_SCHEMA and not text:
        return Verdict("Nothing is written yet: “Example” has a value that fits.")
    try:
        data = _bytes(text, form, encode)
    except (NotBytes, NotFitting) as wrong:
        return Verdict(f"{wrong.reason[0].upper()}{wrong.reason[1:]}.", True, wrong.offset)
    return Verdict("" if data is None else of_bytes(data))


def of_bytes(data: bytes) -> str:
    return size(len(data)) if data else "Empty: zero bytes, which is not null."


def _bytes(text: str, form: Form, encode: Encode | None) -> bytes | None:
    """None: it cannot be told. Raises NotBytes and NotFitting."""
    if form not in BY_SCHEMA:
        return as_bytes(text, form)
    return encode(text) if encode else None


def _of_template(text: str, form: Form, encode: Encode | None) -> Verdict:
    json = form in AS_JSON
    try:
        template = Template(text, json=json)
        sample = None if _SLOW in text else template.fill(Filling(dict.fromkeys(template.variables, "0")))
    except Failure as failure:
        return Verdict(str(failure), True)
    if json and sample is not None:
        if wrong := why_not_json(sample):
            return Verdict(f"Filled in it is no JSON: {wrong.reason}.", True)
        try:
            _bytes(sample, form, encode)
        except NotFitting as misfit:
            return Verdict(f"Filled in it may not fit: {misfit.reason}.", True)
    return Verdict("Filled in for each message.")
