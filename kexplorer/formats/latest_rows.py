"""Events of entities on their way through a file, packed by the thousand."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kexplorer.model.records import Header

Row = tuple[bytes, int, int | None, bytes | None, int, bytes | None, Sequence[Header] | None]
"""The entity's key, the offset, milliseconds since 1970, the value, and how many events it stands for. Where each event
has a row of its own, the record's key and headers, too."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Row])


def pack(rows: Sequence[Row]) -> bytes:
    return _encoder.encode(rows)


def unpack(data: bytes) -> list[Row]:
    """What `pack` made, in the same order."""
    return _decoder.decode(data)
