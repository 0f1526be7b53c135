"""`kexplorer produce` as a person and a script run it: a process of its own, its output, its exit code."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from kexplorer import cli_produce
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.waiting import wait


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "kexplorer", "produce", *map(str, arguments)]


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), capture_output=True, text=True, timeout=100, check=False)


def _values(broker: Broker, topic: str, partitions: int) -> list[tuple[int, bytes]]:
    """Partition and value of all records."""
    ends = direct.ends(broker.bootstrap, topic, partitions)
    reader = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": topic}, logger=direct.QUIET)
    try:
        reader.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        found: list[tuple[int, bytes]] = []
        while len(found) < sum(end for _, end in ends.values()):
            for message in reader.consume(500, 0.5):
                assert message.error() is None
                found.append((message.partition() or 0, message.value() or b""))
        return sorted(found)
    finally:
        reader.close()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """100 rows with a key and a header."""
    path = tmp_path / "rows.jsonl"
    lines = [{"key": f"k{n}", "value": f"{n:03d}", "headers": [["n", None]]} for n in range(100)]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.mark.slow
def test_what_was_not_sent_is_sent_by_the_next_run(broker: Broker, topic_name: str, rows: Path, tmp_path: Path) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    report = tmp_path / "report.jsonl"
    given = [topic_name, "--bootstrap", broker.bootstrap, "--file", rows]
    first = _run(*given, "--count", 40, "--rate", "1000/s", "--report", report, "--set", "linger.ms=5", "--progress")
    assert first.returncode == 0, first.stderr
    assert "40 acknowledged" in first.stderr
    assert len(report.read_text().splitlines()) == 41
    refused = _run(*given, "--report", report)
    assert refused.returncode == 2
    assert f"Go on with it by --resume {report}" in refused.stderr
    second = _run(*given, "--resume", report)
    assert second.returncode == 0, second.stderr
    assert "60 acknowledged" in second.stderr
    assert sorted(value for _, value in _values(broker, topic_name, 2)) == [b"%03d" % n for n in range(100)]


def test_csv_goes_where_an_expression_says(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    path = tmp_path / "rows.csv"
    path.write_text("id,tier\n1,VIP\n2,other\n")
    rule = "number(value.id) % 3"
    done = _run(topic_name, "--bootstrap", broker.bootstrap, "--file", path, "--format", "csv", "--partition", rule)
    assert done.returncode == 0, done.stderr
    assert _values(broker, topic_name, 3) == [
        (1, b'{"id": "1", "tier": "VIP"}'),
        (2, b'{"id": "2", "tier": "other"}'),
    ]


def test_with_check_a_wrong_row_keeps_all_from_being_sent(broker: Broker, topic_name: str, rows: Path) -> None:
    direct.create(broker.bootstrap, topic_name)
    with rows.open("a") as file:
        file.write("nonsense\n")
    given = [topic_name, "--bootstrap", broker.bootstrap, "--file", rows]
    checked = _run(*given, "--check")
    assert checked.returncode == 2
    assert "line 101: This is no row" in checked.stderr
    assert "Nothing was sent." in checked.stderr
    assert direct.ends(broker.bootstrap, topic_name, 1) == {0: (0, 0)}
    skipped = _run(*given)
    assert skipped.returncode == 2
    assert "1 rows were left out." in skipped.stderr
    assert direct.ends(broker.bootstrap, topic_name, 1) == {0: (0, 100)}


def test_a_topic_is_never_made(broker: Broker, topic_name: str, rows: Path) -> None:
    done = _run(topic_name, "--bootstrap", broker.bootstrap, "--file", rows, "--count", 2)
    assert done.returncode == 2
    assert f"There is no topic {topic_name}." in done.stderr
    assert topic_name not in direct.admin(broker.bootstrap).list_topics(timeout=10).topics


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("--rate", "fast"), "“fast” is no rate"),
        (("--set", "linger.ms"), "“linger.ms” is no setting"),
        (("--set", "linger.ms=x"), "linger.ms must be a whole number"),
        (("--set", "plugin.library.paths=x"), "makes the Kafka client load code"),
        (("--partition", "1 +"), "The expression"),
        (("--resume", "nowhere.jsonl"), "nowhere.jsonl cannot be read"),
        (("--delimiter", ";;"), "“;;” is no delimiter"),
    ],
)
def test_what_is_wrong_is_told_in_words(
    rows: Path, arguments: tuple[str, ...], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli_produce.produce(["orders", "--bootstrap", "127.0.0.1:1", "--file", str(rows), *arguments]) == 2
    assert wrong in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for another process")
def test_interrupted_it_tells_what_it_has_sent(broker: Broker, topic_name: str, rows: Path, tmp_path: Path) -> None:
    direct.create(broker.bootstrap, topic_name)
    report = tmp_path / "report.jsonl"
    command = _command(topic_name, "--bootstrap", broker.bootstrap, "--file", rows, "--rate", "5/s", "--report", report)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as sending:
        wait(lambda: report.exists() and len(report.read_text().splitlines()) > 3)
        sending.send_signal(signal.SIGINT)
        _, told = sending.communicate(timeout=60)
    assert sending.returncode == 2
    assert "It was cancelled." in told
    (_, sent) = direct.ends(broker.bootstrap, topic_name, 1)[0]
    assert len(report.read_text().splitlines()) == sent + 1
    assert f"{sent} acknowledged" in told
