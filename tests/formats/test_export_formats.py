"""What is written to files: JSON lines are read back byte for byte, CSV and Parquet as other programs read them."""

from __future__ import annotations

import csv
import importlib
import io
import json
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.formats import csv_text
from kexplorer.formats.csv_text import Column, CsvWriter
from kexplorer.formats.jsonl import JsonlWriter, line_of, read_line
from kexplorer.formats.parquet import ParquetWriter
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.topics import TopicPartition

_INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
_BYTES = st.none() | st.binary(max_size=40) | st.text(max_size=40).map(str.encode)
_HEADERS = st.none() | st.lists(st.tuples(st.text(max_size=9), _BYTES), max_size=4).map(tuple)
_TIMES = st.just((None, TimestampType.NOT_AVAILABLE)) | st.tuples(
    _INT64, st.sampled_from((TimestampType.CREATE_TIME, TimestampType.LOG_APPEND_TIME))
)


@st.composite
def _records(draw: st.DrawFn) -> Record:
    timestamp, kind = draw(_TIMES)
    source = TopicPartition(draw(st.text("abz._-09", min_size=1, max_size=9)), draw(st.integers(0, (1 << 31) - 1)))
    offset = draw(st.integers(0, (1 << 63) - 1))
    return Record(source, offset, timestamp, kind, draw(_BYTES), draw(_BYTES), draw(_HEADERS))


def _record(
    value: bytes | None, key: bytes | None = b"k", headers: Any = (), timestamp: int | None = 1_700_000_000_123
) -> Record:
    kind = TimestampType.NOT_AVAILABLE if timestamp is None else TimestampType.CREATE_TIME
    return Record(TopicPartition("orders", 3), 42, timestamp, kind, key, value, headers)


@settings(max_examples=300, deadline=None)
@given(st.lists(_records(), max_size=4))
def test_json_lines_are_read_back_as_they_were(records: list[Record]) -> None:
    file = io.BytesIO()
    writer = JsonlWriter(file)
    writer.write(records)
    writer.finish()
    assert [read_line(line) for line in file.getvalue().splitlines()] == records


def _large(times: int) -> list[Record]:
    """Longer than what is written in one piece, with characters across the seams."""
    text, raw = ("ü\u2028\U0001f600'\x7f\"," * times).encode(), b"\xff\0" * 5 * times
    values = [text, b'x,"' + text, b"=" * 9 * times, raw, None, b""]
    headers: list[Any] = [None, (), (("h", None), ("é\u202e", text), ("h", raw), ("", b""))]
    return [_record(value, key, each) for value in values for key in (None, text, b"") for each in headers]


def test_large_json_lines_are_as_small_ones() -> None:
    records = _large(8_000)
    file = io.BytesIO()
    JsonlWriter(file).write(records)
    lines = file.getvalue().splitlines()
    assert [read_line(line) for line in lines] == records
    assert [line_of(record).encode() for record in records] == lines
    assert [json.loads(line)["headers"] is None for line in lines] == [record.headers is None for record in records]
    assert all(line.decode().isprintable() for line in lines)


def test_large_csv_cells_are_as_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    csv.field_size_limit(1 << 30)
    records = _large(8_000)
    for guard in (True, False):
        monkeypatch.setattr(csv_text, "_LARGE", 1 << 40)
        whole = _cells(_csv(*records, guard=guard))
        monkeypatch.undo()
        assert _cells(_csv(*records, guard=guard)) == whole


@pytest.mark.parametrize("value", ["\u202e", "\u2028", "\x85", "\x1b[31m", "\U000e0001", "line\nline", "\x7f", "\xa0"])
def test_a_json_line_is_one_line_and_nothing_in_it_moves_a_terminal(value: str) -> None:
    line = line_of(_record(value.encode(), headers=((value, b""),)))
    assert line.isprintable()
    assert json.loads(line)["value"] == value
    assert read_line(line) == _record(value.encode(), headers=((value, b""),))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("", "truncated"),
        (b'{"topic":"\xff"', ""),
        ("{", "truncated"),
        ("[]", "object"),
        ("{}", "topic"),
        ('{"topic":"a","partition":0,"offset":"1"}', "offset"),
        ('{"topic":"a","partition":0,"offset":9223372036854775808}', "offset"),
        ('{"topic":"a","partition":-1}', "partition"),
        (line_of(_record(b"v")).replace("CreateTime", "Sometime"), "timestamp_type"),
        (line_of(_record(b"v")).replace('"v"', '{"base64":"*"}'), "value"),
        (line_of(_record(b"v")).replace('"v"', '{"base64":"AA==","also":1}'), "value"),
        (line_of(_record(b"v")).replace('"v"', '{"hex":"00"}'), "value"),
        (line_of(_record(b"v")).replace('"v"', "5"), "value"),
        ("[" * 100_000, ""),
        ('{"later":' + "[" * 100_000, ""),
    ],
)
def test_a_line_that_is_no_record_is_told(line: str | bytes, names: str) -> None:
    with pytest.raises(Failure) as caught:
        read_line(line)
    assert caught.value.kind == FailureKind.INVALID
    assert names in caught.value.message
    assert "Each line holds topic" in caught.value.hint


def test_a_line_may_hold_more_than_is_needed() -> None:
    line = line_of(_record(b"v"))
    assert read_line(line[:-1] + ', "comment": [1]}') == _record(b"v")


def _csv(*records: Record, guard: bool = True, columns: list[Column] | None = None) -> bytes:
    file = io.BytesIO()
    writer = CsvWriter(file, guard=guard, columns=columns or ())
    writer.write(records)
    writer.finish()
    return file.getvalue()


def _cells(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


def test_csv_in_full() -> None:
    assert _csv(_record(b'a "b", c\r\nd', None, (("h", None), ("h", b"\xff"))), _record(b"", b"\xff", None)) == (
        b"topic,partition,offset,timestamp,key,value,headers\r\n"
        b'orders,3,42,2023-11-14T22:13:20.123Z,,"a ""b"", c\r\nd",'
        b'"[[""h"",null],[""h"",{""base64"":""/w==""}]]"\r\n'
        b'orders,3,42,2023-11-14T22:13:20.123Z,base64:/w==,"",\r\n'
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=2, max_size=2))
def test_csv_without_guard_gives_python_back_every_text(texts: list[str]) -> None:
    key, value = texts
    (_, cells) = _cells(_csv(_record(value.encode(), key.encode()), guard=False))
    assert cells[4:6] == [key, value]


@pytest.mark.parametrize("start", "=+-@\t\r\n\0＝＋－＠")
def test_csv_guards_against_formulas(start: str) -> None:
    formula = f"{start}cmd|' /C calc'!A0"
    column: Column = ("=title", lambda record: (record.value or b"").decode())
    record = _record(formula.encode(), formula.encode())
    titles, cells = _cells(_csv(record, columns=[column]))
    assert [cells[4], cells[5], cells[7]] == [f"'{formula}"] * 3
    assert titles[7] == "'=title"
    titles, cells = _cells(_csv(record, columns=[column], guard=False))
    assert [cells[4], cells[5], cells[7], titles[7]] == [formula, formula, formula, "=title"]


def test_csv_guards_only_what_begins_a_cell() -> None:
    assert _cells(_csv(_record(b"a=1", b" =2")))[1][4:6] == [" =2", "a=1"]


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (None, ""),
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1 << 62, "4611686018427387904"),
        (-(1 << 62), "'-4611686018427387904"),
    ],
)
def test_csv_times(timestamp: int | None, text: str) -> None:
    assert _cells(_csv(_record(b"v", timestamp=timestamp)))[1][3] == text


def test_csv_columns_of_ones_own() -> None:
    columns: list[Column] = [("state, now", lambda record: None), ("half", lambda record: "\ud800")]
    titles, cells = _cells(_csv(_record(b"v"), columns=columns))
    assert titles[7:] == ["state, now", "half"]
    assert cells[7:] == ["", "\\ud800"]


def _arrow() -> Any:
    pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    return importlib.import_module("pyarrow.parquet")


def test_parquet_keeps_types_nulls_and_bytes() -> None:
    arrow = _arrow()
    rows = [
        _record(b"\xff", None, (("h", None), ("h", b""), ("é", b"\xff"))),
        _record(None, b"", None, timestamp=None),
        _record(b"", timestamp=-(1 << 40)),
    ]
    file = io.BytesIO()
    writer = ParquetWriter(file)
    writer.write(iter(rows))
    writer.finish()
    table = arrow.read_table(io.BytesIO(file.getvalue()))
    assert {field.name: str(field.type) for field in table.schema} == {
        "topic": "dictionary<values=string, indices=int32, ordered=0>",
        "partition": "int32",
        "offset": "int64",
        "timestamp": "timestamp[ms, tz=UTC]",
        "key": "binary",
        "value": "binary",
        "headers": "list<element: struct<name: string, value: binary>>",
    }
    read = table.set_column(3, "timestamp", table["timestamp"].cast("int64")).to_pylist()
    assert [(r["topic"], r["partition"], r["offset"]) for r in read] == [("orders", 3, 42)] * 3
    assert [(r["timestamp"], r["key"], r["value"]) for r in read] == [(r.timestamp, r.key, r.value) for r in rows]
    pairs = [
        h if h is None else tuple((each["name"], each["value"]) for each in h) for h in (r["headers"] for r in read)
    ]
    assert pairs == [row.headers for row in rows]


def test_parquet_row_groups_are_bounded_by_bytes() -> None:
    arrow = _arrow()
    file = io.BytesIO()
    writer = ParquetWriter(file)
    writer.write(_record(b"x" * 1_000_000) for _ in range(40))
    writer.finish()
    groups = arrow.ParquetFile(io.BytesIO(file.getvalue())).metadata
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [16, 16, 8]


def test_parquet_of_several_topics() -> None:
    arrow = _arrow()
    rows = [replace(_record(b"%d" % n), source=TopicPartition(f"t{n % 3}{n // 700}", n % 2)) for n in range(2000)]
    file = io.BytesIO()
    writer = ParquetWriter(file)
    for start in range(0, 2000, 300):
        writer.write(rows[start : start + 300])
    writer.finish()
    found = arrow.read_table(io.BytesIO(file.getvalue()), columns=["topic", "partition", "value"]).to_pylist()
    assert [tuple(each.values()) for each in found] == [(r.topic, r.partition, r.value) for r in rows]


def test_parquet_without_the_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Failure) as caught:
        ParquetWriter(io.BytesIO())
    assert caught.value.kind == FailureKind.UNSUPPORTED
    assert 'pip install "kexplorer[parquet]"' in caught.value.hint
