"""Every test has the rig: a broker, faults and guards."""

import gc
import os

import pytest
from hypothesis import settings
from PySide6.QtWidgets import QApplication

gc.disable()  # as in the program: a Qt object must not be collected in the thread of a Kafka handle; guards collect
settings.register_profile("here", deadline=None)  # how long an example takes tells of the machine
settings.load_profile("here")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

pytest_plugins = ["pytester", "tests.rig.brokers", "tests.rig.guards", "tests.rig.loops"]


@pytest.fixture(scope="session")
def qapp(qapp: QApplication) -> QApplication:
    """As in the program: else the last window that a test closes may end the loop of the next one."""
    qapp.setQuitOnLastWindowClosed(False)
    return qapp
