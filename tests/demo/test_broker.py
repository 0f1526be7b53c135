import socket
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from kexplorer.demo import broker as broker_module
from kexplorer.demo.broker import EmbeddedBroker, EmbeddedBrokerError
from kexplorer.demo.process import DemoProcess
from tests.demo.reading import read


def test_it_accepts_connections_once_started_and_refuses_them_once_stopped() -> None:
    with EmbeddedBroker() as broker:
        assert broker.bootstrap.startswith("127.0.0.1:")
        metadata = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0}).list_topics(timeout=5)
        assert [f"{node.host}:{node.port}" for node in metadata.brokers.values()] == [broker.bootstrap]
    with pytest.raises(ConnectionRefusedError):
        _connect(broker.bootstrap)


def _connect(bootstrap: str) -> None:
    host, _, port = bootstrap.rpartition(":")
    socket.create_connection((host, int(port)), timeout=2).close()


def test_several_at_once_have_ports_of_their_own() -> None:
    with EmbeddedBroker() as one, EmbeddedBroker() as two:
        assert one.bootstrap != two.bootstrap


def test_stop_is_harmless_when_nothing_runs_and_it_can_start_again() -> None:
    broker = EmbeddedBroker()
    broker.stop()
    broker.start()
    broker.stop()
    broker.stop()
    broker.start()
    broker.stop()


def test_without_the_extra_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "noida_db", None)  # as if it were not installed
    with pytest.raises(EmbeddedBrokerError, match=r"pip install 'kexplorer\[demo\]'"):
        EmbeddedBroker().start()
    with pytest.raises(EmbeddedBrokerError, match=r"pip install 'kexplorer\[demo\]'"):
        DemoProcess().start()


@pytest.mark.skipif(sys.platform == "win32", reason="the fake broker is a shell script")
def test_the_reason_of_a_failed_start_is_told_without_the_loaders_remark(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "noida-db"
    fake.write_text("#!/bin/sh\necho \"weak version 'GLIBC_2.39' not found\" >&2\necho 'no memory' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(broker_module, "broker_binary", lambda: fake)
    with pytest.raises(EmbeddedBrokerError) as raised:
        EmbeddedBroker().start()
    assert str(raised.value) == "The embedded broker did not start: no memory"


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in a directory")
def test_it_keeps_its_data_in_memory_and_serves_on() -> None:
    with EmbeddedBroker() as broker:
        directory = Path(f"/proc/{broker.pid}/cwd")
        producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        for moment in range(4):  # it would write its state about every two seconds
            producer.produce("numbers", str(moment))
            assert producer.flush(5) == 0
            time.sleep(0.8)
        assert [message.value() for message in read(broker.bootstrap, "numbers")] == [b"0", b"1", b"2", b"3"]
        if sys.platform == "linux":
            assert sum(file.stat().st_size for file in directory.iterdir()) < 2000
