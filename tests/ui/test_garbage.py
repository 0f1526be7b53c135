"""Qt objects in reference cycles end on the GUI thread, whoever allocates."""

from __future__ import annotations

import gc
import threading
import weakref

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kexplorer.ui.garbage import GarbageCollector


class _Cycle:
    """Garbage as soon as nobody looks; notes the thread in which it goes."""

    ended: list[threading.Thread] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.timer = QTimer()
        self.itself = self

    def __del__(self) -> None:
        self.ended.append(threading.current_thread())


def test_cycles_are_collected_on_the_gui_thread_only(qtbot: QtBot, qapp: QApplication) -> None:
    parent = QObject()
    GarbageCollector(parent)
    assert not gc.isenabled()
    _Cycle.ended.clear()
    gone = weakref.ref(_Cycle())
    kept: list[list[int]] = []
    worker = threading.Thread(target=lambda: kept.extend([] for _ in range(50_000)))
    worker.start()
    worker.join()
    assert _Cycle.ended == []
    qtbot.waitUntil(lambda: gone() is None, timeout=5000)
    assert _Cycle.ended == [threading.main_thread()]
