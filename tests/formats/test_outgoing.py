"""Rows that are read many at once are the records that each line on its own is."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.outgoing import LineReader, rows_size
from kexplorer.model.failure import Failure
from kexplorer.model.produce import Outgoing, payloads_size

_bytes: st.SearchStrategy[Any] = (
    st.none()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.binary(max_size=8).map(lambda data: {"base64": base64.b64encode(data).decode()})
)
_headers = st.lists(st.tuples(st.sampled_from(["a", "b"]), _bytes), max_size=2)
_rows = st.fixed_dictionaries(
    {"value": _bytes},
    optional={
        "key": _bytes,
        "headers": _headers,
        "timestamp": st.none() | st.integers(-(2**40), 2**40),
        "partition": st.none() | st.integers(0, 9),
        "offset": st.integers(0, 9),
        "topic": st.just("bills"),
    },
)
_readers = st.builds(
    LineReader, st.sampled_from(["orders", ""]), keep_partition=st.booleans(), keep_timestamp=st.booleans()
)
WRONG = ['{"value": 5}', '{"key": "a"}', '{"value": "a", "headers": null}', '{"value": "a", "headers": [["a"]]}', "no"]


def _plain(read: Outgoing) -> Outgoing:
    return read._replace(headers=tuple(read.headers))


@given(_readers, st.lists(_rows, min_size=1, max_size=5))
def test_many_lines_are_what_each_is(reader: LineReader, rows: list[dict[str, Any]]) -> None:
    given_topic = bool(reader.topic)
    rows = [row if given_topic else row | {"topic": "bills"} for row in rows]
    lines = [json.dumps(row).encode() for row in rows]
    each = [_plain(reader.line(line)) for line in lines]
    assert [_plain(read) for read in reader.block(b"\n".join(lines)) or ()] == each
    assert rows_size(reader.rows(b"\n".join(lines)) or ()) == payloads_size(each)


@pytest.mark.parametrize("wrong", WRONG)
def test_lines_of_which_one_is_wrong_are_read_one_by_one(wrong: str) -> None:
    reader = LineReader("orders", keep_partition=False, keep_timestamp=True)
    assert reader.rows(f'{{"value": "a"}}\n{wrong}'.encode()) is None
    with pytest.raises(Failure):
        reader.line(wrong.encode())
