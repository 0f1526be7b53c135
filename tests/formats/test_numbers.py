from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.numbers import count, duration, rate, size, timestamp

ZURICH = ZoneInfo("Europe/Zurich")
INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("ms", "zone", "shown"),
    [
        (1_795_402_740_007, UTC, "2026-11-23 02:59:00.007"),
        (1_795_402_740_007, ZURICH, "2026-11-23 03:59:00.007"),
        (1_795_402_740_007, INDIA, "2026-11-23 08:29:00.007"),
        (1_782_864_000_000, ZURICH, "2026-07-01 02:00:00.000"),
        (0, UTC, "1970-01-01 00:00:00.000"),
        (-1, UTC, "1969-12-31 23:59:59.999"),
        (-5, ZURICH, "1970-01-01 00:59:59.995"),
        (2**62, UTC, "4611686018427387904"),
        (-(2**63), ZURICH, "-9223372036854775808"),
        (253_402_300_799_999, UTC, "9999-12-31 23:59:59.999"),
        (253_402_300_799_999, ZURICH, "253402300799999"),
        (253_402_300_800_000, UTC, "253402300800000"),
        (-62_135_596_800_000, UTC, "0001-01-01 00:00:00.000"),
        (-62_135_596_800_001, UTC, "-62135596800001"),
        (None, UTC, ""),
    ],
)
def test_timestamp(ms: int | None, zone: tzinfo, shown: str) -> None:
    assert timestamp(ms, zone) == shown


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_every_timestamp_reads_back_as_the_same_millisecond(ms: int) -> None:
    shown = timestamp(ms, UTC)
    if "-" in shown[1:]:
        moment = datetime.fromisoformat(shown).replace(tzinfo=UTC)
        assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == ms
    else:
        assert int(shown) == ms


def test_count() -> None:
    assert [count(n) for n in (0, 999, 1000, -1234567)] == ["0", "999", "1,000", "-1,234,567"]


@pytest.mark.parametrize(
    ("nbytes", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_048_576, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (5 * 10**12, "5.0 TB"),
        (10**19, "10,000.0 PB"),
        (-2500, "-2.5 kB"),
    ],
)
def test_size_is_in_powers_of_1000(nbytes: int, shown: str) -> None:
    assert size(nbytes) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.00025, "0.25 ms"),
        (0.0449, "45 ms"),
        (0.9994, "999 ms"),
        (0.9999, "1.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185.4, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (2 * 3600 + 5 * 60 + 59, "2 h 05 min"),
        (3 * 86_400 + 4 * 3600, "3 d 04 h"),
        (-90, "-1 min 30 s"),
        (float("inf"), "–"),
        (float("nan"), "–"),
    ],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_slow_rate_is_not_shown_as_none() -> None:
    rates = [0, 0.0001, 0.05, 0.999, 4.25, 9.96, 12345.6]
    assert [rate(r) for r in rates] == ["0/s", "<0.01/s", "0.05/s", "1.0/s", "4.2/s", "10/s", "12,346/s"]
