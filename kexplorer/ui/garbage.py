"""Python's cycles are collected on the GUI thread alone.

The collector runs in whichever thread happens to allocate. When it meets a Qt object there, that object is destroyed in
the wrong thread: its timers stay registered, and the next one to fire crashes the program.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_EVERY = 250  # ms
_THRESHOLDS = (2000, 10, 20)  # as gc.set_threshold() has them; the first is looked at only so often


class GarbageCollector(QObject):
    """Takes the collection over as long as it lives; `parent` belongs to the GUI thread."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self, interval=_EVERY)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        counts = gc.get_count()
        for generation in (2, 1, 0):
            if counts[0] > _THRESHOLDS[0] and all(counts[g] > _THRESHOLDS[g] for g in range(1, generation + 1)):
                gc.collect(generation)
                return
