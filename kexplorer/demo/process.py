"""The window's side of the demo: starts the shop's process and ends it."""

import os
import sys
from pathlib import Path

from kexplorer.demo.broker import BrokerProcess, broker_binary


class DemoProcess(BrokerProcess):
    """Broker and shop; starts in 0.3 s, the topics fill up later, and ends in less than 2 s."""

    name = "The demo"
    stop_limit = 4.0

    def command(self) -> list[str]:
        broker_binary()  # the installed program has neither broker nor Python: say so instead of starting itself again
        return [sys.executable, "-P", "-m", "kexplorer.demo"]

    def environment(self) -> dict[str, str]:
        root = str(Path(__file__).parents[2])  # also right when run from a checkout that is not installed
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        return os.environ | {"PYTHONPATH": path}
