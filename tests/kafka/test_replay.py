"""Replays on a real Kafka: what arrives is what was there, once, in its order, and what is not is told."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import subprocess
from pathlib import Path

import pytest

from kexplorer.model.replay import Pace
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.kafka.replays import Copying, Replaying, contents, crashed, plan_of, progress_of
from tests.rig.brokers import Broker

pytestmark = pytest.mark.kafka

ODD = [
    Sent(0, None, b"no key"),
    Sent(1, b"", b"empty key"),
    Sent(0, b"tombstone", None),
    Sent(2, b"empty value", b""),
    Sent(1, b"\xff\x00", b"\x80bytes\x00"),
    Sent(2, b"h", b"v", (("a", b"1"), ("b", None), ("a", b""), ("", b"\xff"), ("a", b"1"))),
    Sent(0, b"old", b"v", (), direct.NOW - 86_400_000),
]


@pytest.mark.slow
def test_every_byte_is_kept(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    direct.create(broker.bootstrap, f"{topic_name}-to", 3)
    direct.produce(broker.bootstrap, topic_name, [*ODD, *direct.rows(500, 3)])
    replaying = Replaying(tmp_path, plan_of(broker.bootstrap, topic_name, f"{topic_name}-to"))
    done = replaying.run()
    assert done.returncode == 0, done.stderr
    assert contents(broker.bootstrap, f"{topic_name}-to") == contents(broker.bootstrap, topic_name)
    report = replaying.report()
    assert report["complete"]
    assert report["total"]["read"] == report["total"]["written"] == 507
    assert report["verified"]["found"] == 507
    again = replaying.run()
    assert again.returncode == 2
    assert "has been run to its end" in again.stderr
    assert contents(broker.bootstrap, f"{topic_name}-to") == contents(broker.bootstrap, topic_name)


CRASH_POINTS = ["begin", "mid-produce", "after-produce", "after-send-offsets", "during-commit", "after-commit"]
KILLS = int(os.environ.get("KEXPLORER_REPLAY_KILLS", "3"))  # at random times; 20 take minutes
SLOW = Pace(records=5000)  # so that there are several transactions


@pytest.fixture
def copying(broker: Broker, topic_name: str, tmp_path: Path) -> Copying:
    """3,000 records in three partitions and an empty topic for them."""
    copying = Copying(broker.bootstrap, topic_name, tmp_path)
    copying.fill(direct.rows(3000, 3))
    return copying


@pytest.mark.slow
def test_killed_at_every_point_each_record_is_written_once(copying: Copying) -> None:
    replaying = copying.replaying(pace=SLOW)
    crashed(replaying, *CRASH_POINTS, "before-verify")
    assert copying.is_equal
    assert replaying.report()["complete"]
    assert replaying.report()["total"] == {
        "scanned": 3000,
        "read": 3000,
        "written": 3000,
        "quarantined": 0,
        "skipped": 0,
        "nbytes": sum(len(row.key or b"") + len(row.value or b"") for row in direct.rows(3000, 3)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("point", CRASH_POINTS)
def test_killed_again_at_a_later_passing(copying: Copying, point: str) -> None:
    replaying = copying.replaying(pace=SLOW)
    crashed(replaying, f"{point}:2", f"{point}:2")
    assert copying.is_equal
    assert replaying.report()["complete"]


@pytest.mark.slow
def test_killed_at_each_transaction_to_the_last(copying: Copying) -> None:
    replaying = copying.replaying(pace=Pace(records=5000))  # of a thousand at most
    points = itertools.cycle(CRASH_POINTS)
    kills = 0
    while (done := replaying.run(crash_at=f"{next(points)}:2")).returncode == -9:
        kills += 1
    assert done.returncode == 0, done.stderr
    assert kills > 1, done.stderr
    assert copying.is_equal
    assert replaying.report()["complete"]


@pytest.mark.slow
def test_progress_committed_behind_the_records_is_found(copying: Copying) -> None:
    """A fault that was put in: the tests above would fail, and so does the second look at the target."""
    mutant = copying.replaying("tests.kafka.replay_mutant", pace=SLOW)
    assert mutant.run(crash_at="after-commit").returncode == -9
    done = mutant.run()
    assert done.returncode == 2
    assert "records more than the" in done.stderr
    assert not copying.is_equal


@pytest.mark.slow
@pytest.mark.timeout(120 + 30 * KILLS)
def test_killed_at_random_times_each_record_is_written_once(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    """And at any pace, which makes transactions smaller or larger."""
    copying = Copying(broker.bootstrap, topic_name, tmp_path)
    copying.fill(direct.rows(16_000 + 4000 * KILLS, 3))
    replaying = copying.replaying()
    chance = random.Random(4711)
    for _ in range(KILLS):
        replaying.change(pace=Pace(records=chance.choice((200, 2000, 5000))))
        with replaying.start("--progress") as process:
            assert process.stdout is not None
            process.stdout.readline()  # it runs
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.0, 0.8))
            process.kill()
    replaying.change(pace=Pace())
    done = replaying.run()
    assert done.returncode == 0, done.stderr
    assert copying.is_equal
    assert replaying.report()["complete"]
    ends = direct.ends(copying.bootstrap, topic_name, 3)
    assert progress_of(copying.bootstrap, replaying.plan.group) == {part: end for part, (_, end) in ends.items()}
