"""Every test has the rig: a broker, faults and guards."""

import gc
import os

import pytest
from PySide6.QtWidgets import QApplication

gc.disable()  # as in the program: a Qt object must not be collected in the thread of a Kafka handle; guards collect
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

pytest_plugins = ["pytester", "tests.rig.brokers", "tests.rig.guards", "tests.rig.loops"]


@pytest.fixture(scope="session")
def qapp(qapp: QApplication) -> QApplication:
    """As in the program: else the last window that a test closes may end the loop of the next one."""
    qapp.setQuitOnLastWindowClosed(False)
    return qapp
