"""The ways of a replay on a real Kafka: between clusters, at least once, with changes, at a pace, over poison."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kexplorer.model.changes import DeleteOffsets
from kexplorer.model.replay import (
    CHECKPOINTS,
    COUNT_HEADER,
    ERROR_HEADER,
    JOB_HEADER,
    SOURCE_HEADER,
    Guarantee,
    Pace,
    Policy,
    Rewrite,
)
from kexplorer.model.topics import TopicPartition
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.kafka.replays import Copying, contents, crashed, rows_in, told
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.rig.waiting import wait

pytestmark = pytest.mark.kafka


@pytest.fixture
def copying(broker: Broker, topic_name: str, tmp_path: Path) -> Copying:
    return Copying(broker.bootstrap, topic_name, tmp_path)


@pytest.mark.slow
def test_between_clusters_the_progress_is_a_record_of_the_target(
    broker: Broker, own_kafka: KafkaCluster, topic_name: str, tmp_path: Path
) -> None:
    copying = Copying(broker.bootstrap, topic_name, tmp_path, other=own_kafka.bootstrap())
    copying.fill(direct.rows(3000, 3))
    replaying = copying.replaying(pace=Pace(records=5000))
    crashed(replaying, "after-send-offsets:1", "after-commit:1", "during-commit:2")
    assert copying.is_equal
    assert replaying.report()["complete"]
    (kept,) = rows_in(own_kafka.bootstrap(), CHECKPOINTS).values()
    assert {key for _, key, *_ in kept} == {replaying.job.encode()}
    assert {position for _, _, position, *_ in json.loads(kept[-1][2] or b"")} == {1000}
    assert not any(name.startswith("kx-replay") for name in direct.groups_of(own_kafka.bootstrap()))


@pytest.mark.slow
def test_at_least_once_a_crash_repeats_records_that_are_marked(copying: Copying) -> None:
    copying.fill(direct.rows(3000, 3))
    replaying = copying.replaying(guarantee=Guarantee.AT_LEAST_ONCE, pace=Pace(records=5000))
    crashed(replaying, "after-produce:2", "mid-produce:2")
    report = replaying.report()
    assert report["complete"]
    assert report["verified"]["found"] == 3000
    found = [row for rows in rows_in(copying.bootstrap, copying.target).values() for row in rows]
    assert report["verified"]["duplicates"] == len(found) - 3000 > 0
    assert len({dict(headers)[SOURCE_HEADER] for *_, headers, _ in found}) == 3000
    once = {row[2]: row for row in found}
    assert once.keys() == {row.value for row in direct.rows(3000, 3)}


def test_records_are_filtered_and_changed(copying: Copying) -> None:
    documents = [
        Sent(n % 3, f"k{n}".encode(), json.dumps({"id": n, "card": "4711", "sum": 1.10}).encode(), (("t", b"x"),))
        for n in range(30)
    ]
    copying.fill(documents, target_partitions=1)
    rewrite = Rewrite(
        drop="value.id == 4",
        key="value.id",
        fields={"value.card": '"***"'},
        headers={"was": "key", "t": "null"},
    )
    replaying = copying.replaying(rewrite=rewrite)
    replaying.change(source=replace(replaying.plan.source, filter="value.id % 2 == 0"))
    done = replaying.run()
    assert done.returncode == 0, done.stderr
    assert "mixed" not in done.stderr
    total = replaying.report()["total"]
    assert (total["scanned"], total["read"], total["written"], total["skipped"]) == (30, 15, 14, 1)
    (rows,) = contents(copying.bootstrap, copying.target).values()
    assert sorted(rows, key=lambda row: int(row[0])) == [
        (b"%d" % n, b'{"id":%d,"card":"***","sum":1.1}' % n, (("was", b"k%d" % n), ("t", None)), direct.NOW)
        for n in range(0, 30, 2)
        if n != 4
    ]


def test_other_partitions_keep_the_order_of_each_key(copying: Copying) -> None:
    rows = [Sent(n % 3, f"k{n % 9}".encode(), b"%d" % n) for n in range(900)]
    copying.fill([*rows, Sent(2, None, b"no key")], target_partitions=6)
    done = copying.replaying().run()
    assert done.returncode == 0, done.stderr
    assert "3 partitions become 6" in done.stderr
    found: dict[bytes | None, list[int]] = {}
    for partition, there in contents(copying.bootstrap, copying.target).items():
        for key, value, *_ in there:
            if key is None:
                assert partition == 2
            else:
                found.setdefault(key, []).append(int(value or b""))
    assert found == {f"k{n}".encode(): list(range(n, 900, 9)) for n in range(9)}


PLAIN = {"compression.type": "none"}
POISON = [*direct.rows(200), Sent(0, b"big", b"x" * 4000), *direct.rows(100, start=200), Sent(0, b"old", b"", (), 1)]


def _poisoned(copying: Copying) -> None:
    """A record that the topic takes no more, and one whose header the client cannot read, among others."""
    copying.fill(POISON[:-1], 1, max_message_bytes=2000)
    direct.produce_raw_header(copying.bootstrap, copying.source, b"odd", b"\xff")
    direct.produce(copying.bootstrap, copying.source, direct.rows(100, start=300))
    direct.create(copying.bootstrap, f"{copying.source}-q")


@pytest.mark.slow
def test_poison_goes_to_quarantine_with_its_reason(copying: Copying) -> None:
    _poisoned(copying)
    quarantine = f"{copying.source}-q"
    replaying = copying.replaying(policy=Policy.QUARANTINE, quarantine=quarantine, target_settings=PLAIN)
    done = replaying.run()
    assert done.returncode == 0, done.stderr
    (written,) = contents(copying.bootstrap, copying.target).values()
    assert [value for _, value, *_ in written] == [row.value for row in direct.rows(400)]
    (kept,) = contents(copying.bootstrap, quarantine).values()
    big, odd = kept
    assert big[:2] == (b"big", b"x" * 4000)
    assert b"too large" in (dict(big[2])[ERROR_HEADER] or b"")
    assert (dict(big[2])[SOURCE_HEADER] or b"").endswith(f"/{copying.source}/0/200".encode())
    assert odd[1] == b"odd"
    assert b"not UTF-8" in (dict(odd[2])[ERROR_HEADER] or b"")
    report = replaying.report()
    assert report["total"]["read"] == 402
    assert (report["total"]["written"], report["total"]["quarantined"]) == (400, 2)
    assert [each["offset"] for each in report["exceptional"]] == [200, 301]
    assert report["verified"]["found"] == 400


@pytest.mark.slow
def test_poison_is_skipped_and_listed(copying: Copying) -> None:
    _poisoned(copying)
    replaying = copying.replaying(policy=Policy.SKIP, target_settings=PLAIN)
    done = replaying.run()
    assert done.returncode == 0, done.stderr
    assert "skip: " in done.stderr
    (written,) = contents(copying.bootstrap, copying.target).values()
    assert len(written) == 400
    assert [each["offset"] for each in replaying.report()["exceptional"]] == [200, 301]


@pytest.mark.slow
def test_poison_stops_the_run_before_it_and_the_policy_may_be_changed(copying: Copying) -> None:
    copying.fill(POISON[:-1], 1, max_message_bytes=2000)
    direct.produce(copying.bootstrap, copying.source, direct.rows(100, start=300))
    replaying = copying.replaying(target_settings=PLAIN)
    stopped = replaying.run()
    assert stopped.returncode == 2
    assert f"Stopped before {copying.source}, partition 0, offset 200" in stopped.stderr
    (written,) = contents(copying.bootstrap, copying.target).values()
    assert [value for _, value, *_ in written] == [row.value for row in direct.rows(200)]
    replaying.change(policy=Policy.SKIP)
    done = replaying.run()
    assert done.returncode == 0, done.stderr
    (written,) = contents(copying.bootstrap, copying.target).values()
    assert [value for _, value, *_ in written] == [row.value for row in direct.rows(400)]


def test_what_was_replayed_too_often_is_not_replayed_again(copying: Copying) -> None:
    rows = [Sent(0, b"a", b"", ((COUNT_HEADER, b"2"),)), Sent(0, b"b", b"", ((COUNT_HEADER, b"3"),))]
    copying.fill(rows, 1)
    replaying = copying.replaying(markers=True, policy=Policy.SKIP)
    done = replaying.run()
    assert done.returncode == 0, done.stderr
    ((written,),) = contents(copying.bootstrap, copying.target).values()
    assert written[0] == b"a"
    assert dict(written[2])[COUNT_HEADER] == b"3"
    assert dict(written[2])[JOB_HEADER] == replaying.job.encode()
    (left_out,) = replaying.report()["exceptional"]
    assert "replayed 3 times already" in left_out["why"]


@pytest.mark.slow
def test_a_letter_that_fails_again_and_again_ends_its_way(copying: Copying) -> None:
    """A service puts what it cannot process back where it is replayed from, time and again."""
    copying.fill([Sent(0, b"k", b"poison", (("why", b"broken"),))], 1)
    counts = []
    for turn in range(4):
        folder = copying.folder / str(turn)
        folder.mkdir()
        at = replace(copying, folder=folder)
        replaying = at.replaying(job=f"{copying.target}-{turn}", markers=True, policy=Policy.SKIP)
        done = replaying.run()
        assert done.returncode == 0, done.stderr
        for key, value, headers, _ in contents(copying.bootstrap, copying.target)[0][turn:]:
            assert [name for name, _ in headers].count(COUNT_HEADER) == 1
            counts.append(dict(headers)[COUNT_HEADER])
            direct.delete_records(copying.bootstrap, copying.source, {0: turn + 1})
            direct.produce(copying.bootstrap, copying.source, [Sent(0, key, value, headers)])
    assert counts == [b"1", b"2", b"3"]
    (left,) = replaying.report()["exceptional"]
    assert "replayed 3 times already" in left["why"]


@pytest.mark.slow
def test_records_that_are_gone_stop_the_run(copying: Copying) -> None:
    copying.fill(direct.rows(1000), 1)
    replaying = copying.replaying(pace=Pace(records=2000))
    assert replaying.run(crash_at="after-commit").returncode == -9
    direct.delete_records(copying.bootstrap, copying.source, {0: 900})
    done = replaying.run()
    assert done.returncode == 2
    assert "to 899 of partition 0 are gone" in done.stderr


@pytest.mark.slow
def test_progress_that_is_lost_for_one_partition_stops_the_run(aio: LoopRunner, copying: Copying) -> None:
    """As when brokers forget offsets: to begin that partition anew would write its records twice."""
    copying.fill(direct.rows(3000, 3))
    replaying = copying.replaying(pace=Pace(records=3000))
    assert replaying.run(crash_at="after-commit").returncode == -9
    before = contents(copying.bootstrap, copying.target)

    async def forget() -> None:
        async with direct.connected(copying.bootstrap) as cluster:
            lost = DeleteOffsets(replaying.plan.group, (TopicPartition(copying.source, 1),))
            assert not any((await cluster.apply(lost)).values())

    aio.run(forget())
    done = replaying.run()
    assert done.returncode == 2
    assert f"{replaying.plan.group} has lost offsets" in done.stderr
    assert contents(copying.bootstrap, copying.target) == before


def test_a_topic_that_was_made_anew_is_not_taken_for_the_old_one(copying: Copying) -> None:
    copying.fill(direct.rows(1000), 1)
    replaying = copying.replaying(pace=Pace(records=2000))
    assert replaying.run(crash_at="after-commit").returncode == -9
    admin = direct.admin(copying.bootstrap)
    admin.delete_topics([copying.source])[copying.source].result(20)
    wait(lambda: copying.source not in admin.list_topics(timeout=10).topics)
    direct.create(copying.bootstrap, copying.source)
    done = replaying.run()
    assert done.returncode == 2
    assert "deleted and made anew" in done.stderr


@pytest.mark.slow
def test_it_pauses_without_a_transaction_and_takes_another_pace(copying: Copying) -> None:
    copying.fill(direct.rows(3000), 1)
    replaying = copying.replaying(pace=Pace(records=200))
    with replaying.start("--progress") as process:
        told(process, lambda progress: progress["total"]["written"] > 0)
        replaying.tell({"state": "paused"})
        told(process, lambda progress: progress["state"] == "paused")
        low, high = direct.ends(copying.bootstrap, copying.target, 1)[0]
        assert low < high
        assert len(contents(copying.bootstrap, copying.target)[0]) > 0  # committed readers get to the end of it
        replaying.tell({"state": "running", "pace": {"records": 100_000}})
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["state"] == "done"
    assert copying.is_equal


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM for another process")
def test_it_stops_in_order_and_goes_on(copying: Copying) -> None:
    copying.fill(direct.rows(2000), 1)
    replaying = copying.replaying(pace=Pace(records=300))
    with replaying.start("--progress") as process:
        told(process, lambda progress: progress["total"]["written"] > 0)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "stopped, exactly-once" in err
    written = replaying.report()["total"]["written"]
    assert 0 < written < 2000
    replaying.change(pace=Pace())
    done = replaying.run()
    assert done.returncode == 0, done.stderr
    assert copying.is_equal
