"""How fast a replay goes, by the times at which the broker appended its records. A machine that is slow for a while
makes it late, and what follows a schedule catches up with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kexplorer.model.replay import Pace
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.kafka.replays import Copying, rows_in
from tests.rig.brokers import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

GATHERED = 0.3  # seconds: what a rate lets go at once, and a transaction that is appended as a whole


@pytest.fixture
def copying(broker: Broker, topic_name: str, tmp_path: Path) -> Copying:
    return Copying(broker.bootstrap, topic_name, tmp_path)


def _appended(copying: Copying) -> dict[int, float]:
    """Seconds since the first was appended, by the number that is a record's value."""
    rows = [row for part in rows_in(copying.bootstrap, copying.target).values() for row in part]
    first = min(row[4] for row in rows)
    return {int(row[2] or b""): (row[4] - first) / 1000 for row in rows}


@pytest.mark.parametrize(("pace", "rate"), [(Pace(records=500), 500), (Pace(bytes=200_000), 1000)])
def test_a_rate_is_kept_within_a_tenth(copying: Copying, pace: Pace, rate: float) -> None:
    """Of 5,000 records of 200 bytes."""
    copying.fill([Sent(0, None, b"%0200d" % n) for n in range(5000)], 1, message_timestamp_type="LogAppendTime")
    done = copying.replaying(pace=pace, verify=False).run()
    assert done.returncode == 0, done.stderr
    appended = _appended(copying)
    times = [appended[n] for n in range(5000)]
    second = int(rate)  # a second's records
    for n in range(0, 5000 - 2 * second, 50):
        assert 2 * rate <= 1.1 * rate * (times[n + 2 * second] - times[n] + GATHERED)
    fastest = min(times[n + 2 * second] - times[n] for n in range(0, 5000 - 2 * second, 50))
    assert 2 * rate >= 0.9 * rate * (fastest - GATHERED)


def test_the_original_timing_is_kept_within_a_twentieth(copying: Copying) -> None:
    """100 s of it in 10 s, over three partitions, with a gap of an hour cut to 10 s."""
    times = [*range(0, 60_000, 100), *range(3_660_000, 3_690_000, 100)]
    records = [Sent(n % 3, None, b"%d" % n, (), direct.NOW - 4_000_000 + ms) for n, ms in enumerate(times)]
    copying.fill(records, 3, message_timestamp_type="LogAppendTime")
    done = copying.replaying(pace=Pace(timing=10, longest_gap=10), verify=False).run()
    assert done.returncode == 0, done.stderr
    appended = _appended(copying)
    planned = [ms / 10_000 if ms < 60_000 else (ms - 3_660_000) / 10_000 + 6.99 for ms in times]
    late = [appended[n] - due for n, due in enumerate(planned)]
    before_the_gap, at_the_end = min(late[:600]), min(late[-200:])  # of those that nothing held up
    assert abs(at_the_end - before_the_gap) < 0.05 * 10
