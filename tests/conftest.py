"""Every test has the rig: a broker, faults and guards."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

pytest_plugins = ["pytester", "tests.rig.brokers", "tests.rig.guards", "tests.rig.loops"]
