from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.hexdump import ROW, hex_lines, line_count


def test_rows_have_offset_bytes_and_characters() -> None:
    first, second = hex_lines(b"\x00\x01AZ~ \x7f\xff{}[]<>&\n!", 0, 9)
    assert first == (0, "00 01 41 5A 7E 20 7F FF  7B 7D 5B 5D 3C 3E 26 0A", "··AZ~ ··{}[]<>&·")
    assert second == (16, "21" + " " * 46, "!")
    assert len(first.hex) == len(second.hex)


def test_rows_from_the_middle_and_beyond_the_end() -> None:
    data = memoryview(bytes(1000) + b"needle")
    assert [(line.offset, line.ascii) for line in hex_lines(data, 62, 5)] == [(992, "········needle")]
    assert hex_lines(data, 63, 5) == []
    assert hex_lines(b"", 0, 5) == []


@given(st.binary(max_size=200), st.integers(0, 15), st.integers(0, 15))
def test_every_row_is_the_bytes(data: bytes, start: int, count: int) -> None:
    lines = hex_lines(data, start, count)
    assert b"".join(bytes.fromhex(line.hex) for line in lines) == data[start * ROW : (start + count) * ROW]
    assert [line.offset for line in lines] == [*range(start * ROW, len(data), ROW)][:count]
    assert len(hex_lines(data, 0, 1000)) == line_count(len(data))
