"""Every test has the rig: a broker, faults and guards."""

import gc
import os

gc.disable()  # as in the program: a Qt object must not be collected in the thread of a Kafka handle; guards collect
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

pytest_plugins = ["pytester", "tests.rig.brokers", "tests.rig.guards", "tests.rig.loops"]
