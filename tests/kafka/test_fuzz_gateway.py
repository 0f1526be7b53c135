"""The client aborts the process on some strings and numbers: every call of the gateway gets them, in a process of its
own, and answers with a `Failure` or a result."""

import inspect
import subprocess
import sys

import pytest

from kexplorer.kafka.cluster import KafkaCluster
from tests.kafka.fuzz import CALLS
from tests.rig.brokers import Broker


def test_every_call_has_its_odd_input() -> None:
    public = {name for name, _ in inspect.getmembers(KafkaCluster) if not name.startswith("_")}
    assert public - set(CALLS) == {"state", "close", "profile"} & public


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_odd_input_never_ends_the_process(broker: Broker) -> None:
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.kafka.fuzz", broker.bootstrap]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert int(done.stdout.split()[-1]) > 200 * len(CALLS)
