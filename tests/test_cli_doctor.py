"""`kexplorer doctor` as a person and a script use it: its output, its exit code."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import Consumer, TopicPartition

from kexplorer.cli_doctor import doctor
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.processes import free_port


def test_a_topic_that_is_well(broker: Broker, topic_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, direct.rows(20, 2))
    assert doctor(["--bootstrap", broker.bootstrap, "--topic", topic_name]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("Nothing was found. 9 checks, 9 of them well.\n  ok  ")
    assert told.err == ""


def test_a_group_that_nobody_reads_for(broker: Broker, topic_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(20))
    settings = {"bootstrap.servers": broker.bootstrap, "group.id": topic_name}
    consumer = Consumer(settings, logger=direct.QUIET)
    consumer.commit(offsets=[TopicPartition(topic_name, 0, 5)], asynchronous=False)
    consumer.close()
    asked = ["--bootstrap", broker.bootstrap, "--group", topic_name, "--for", "500ms"]
    assert doctor(asked) == 1
    told = capsys.readouterr().out
    assert f"PROBLEM: Nobody reads for {topic_name}.\n  members: 0 · lag: 15" in told
    assert "1 finding. 18 checks, 17 of them well." in told
    assert doctor([*asked, "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (found,) = [line for line in lines if "severity" in line]
    assert (found["check"], found["severity"], found["evidence"]["lag"]) == ("no-members", "problem", 15)
    assert found["where"] == {"kind": "group", "name": topic_name}
    assert len([line for line in lines if "checked" in line]) == 18


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--for", "soon"], "“soon” is no time to watch. Write 30s, or 2m."),
        (["--topic", "a/b"], "The topic name 'a/b' contains '/'."),
    ],
)
def test_what_is_asked_wrongly(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(["--bootstrap", "127.0.0.1:1", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_cluster_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(["--bootstrap", f"127.0.0.1:{free_port()}"]) == 2
    told = capsys.readouterr().out
    assert "NOT CHECKED: The addresses that brokers advertise can be reached." in told
    assert "3 could not be made." in told
