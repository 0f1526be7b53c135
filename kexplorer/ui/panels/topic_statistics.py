"""What is in a topic: counted by worker processes, shown as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import cached_property

from PySide6.QtWidgets import QComboBox, QPushButton, QStackedWidget

from kexplorer.formats.numbers import count, duration, rate, size
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import IsolationLevel, TopicPartition
from kexplorer.services import browser
from kexplorer.services.jobs import Job, Jobs
from kexplorer.services.statistics import SAMPLE, Counting, OpenCounting, stored
from kexplorer.ui.panels.topic_statistics_view import StatisticsView
from kexplorer.ui.panels.topic_tab import TopicOf, TopicTab
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import plain_label

_SHOW_EVERY = 0.5  # seconds
_WHOLE, _SAMPLED = "All records", f"A sample of {count(SAMPLE)} records"


class StatisticsTab(TopicTab):
    """Owns the counting that runs. Nothing is read until a person asks."""

    def __init__(self, topic: TopicOf, open_counting: OpenCounting, jobs: Jobs) -> None:
        super().__init__(topic)
        self._open_counting = open_counting
        self._jobs = jobs
        self._zone: tzinfo = UTC
        self.extent = QComboBox()
        self.extent.addItems([_SAMPLED, _WHOLE])
        self.extent.setAccessibleName("How much of the topic to read")
        self.start = QPushButton("Count")
        self.start.setProperty("kind", "primary")
        self.start.clicked.connect(self._start)
        self.stop = QPushButton("Stop")
        self.stop.clicked.connect(lambda: self.tasks.cancel("count"))
        self.told = plain_label("", role="muted")
        self.add_bar([self.extent, self.start, self.stop, self.told])
        self._pages = QStackedWidget()
        self._empty = EmptyState(
            "histogram",
            "What is in this topic?",
            "Counting reads records and keeps none: sizes, keys, tombstones, formats and times. It joins no group.",
            "Count",
        )
        self._empty.action_requested.connect(self._start)
        self._pages.addWidget(self._empty)
        self.column.addWidget(self._pages, 1)
        self.setFocusProxy(self.start)
        self._show_running(False)

    @cached_property
    def view(self) -> StatisticsView:
        made = StatisticsView()
        made.set_zone(self._zone)
        self._pages.addWidget(made)
        return made

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        if "view" in vars(self):
            self.view.set_zone(zone)

    def save_state(self) -> dict[str, object]:
        return {"whole": self.extent.currentText() == _WHOLE}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.extent.setCurrentText(_WHOLE if state.get("whole") is True else _SAMPLED)

    def reload(self) -> None:
        """Counts again what was counted; the first time a person must ask."""
        if "view" in vars(self):
            self._start()

    def _start(self) -> None:
        self.strip.clear()
        self.tasks.start("count", self._count(None if self.extent.currentText() == _WHOLE else SAMPLE))

    async def _count(self, sample: int | None) -> None:
        self._show_running(True)
        try:
            session = await self.topic.open_session()
            sources = await browser.partitions_of(session.cluster, [self.topic.name])
            ranges, troubles = await browser.whole(session.cluster, sources, IsolationLevel.READ_UNCOMMITTED)
            counting = await self._open_counting(ranges, troubles, sample)
            async with contextlib.AsyncExitStack() as stack:
                stack.push_async_callback(self._end, counting)
                await self._follow(counting)
            self.tasks.start("disk", self._tell_disk(session.cluster, sources, counting))
        finally:
            self._show_running(False)

    async def _follow(self, counting: Counting) -> None:
        job = self._jobs.add(Job(f"Statistics of {self.topic.name}", "offsets", lambda: self.tasks.cancel("count")))
        shown = 0.0
        self._empty.tell("histogram", f"Counting {self.topic.name} …")
        try:
            while await counting.step():
                extent = counting.extent()
                job.advance(extent.done, extent.wanted)
                if time.monotonic() - shown > _SHOW_EVERY:
                    self._show(counting, running=True)
                    shown = time.monotonic()
        except asyncio.CancelledError:
            job.cancel()
            raise
        except BaseException as error:
            job.fail(str(error))
            raise
        job.advance(counting.extent().done, counting.extent().wanted)
        job.finish(f"{count(counting.whole.records)} records")

    async def _end(self, counting: Counting) -> None:
        await counting.close()
        self._show(counting, running=False)
        if counting.troubles:
            words = " ".join(dict.fromkeys(trouble.failure.message for trouble in counting.troubles[:3]))
            self.show_failure(Failure(FailureKind.UNREADABLE, f"Not all could be counted. {words}", "Count again."))

    async def _tell_disk(self, cluster: Cluster, sources: list[TopicPartition], counting: Counting) -> None:
        """How the broker stores the topic; a cell says so where it does not tell."""
        configs = (await cluster.topic_configs([self.topic.name]))[self.topic.name]
        codec = configs.get("compression.type") if not isinstance(configs, Failure) else None
        on_disk: int | None = None
        with contextlib.suppress(Failure):
            on_disk = await stored(cluster, sources)
        share = counting.whole.nbytes if counting.extent().complete else 0
        self.view.show_disk(codec.value if codec and codec.value else "not told", on_disk, share)

    def _show(self, counting: Counting, *, running: bool) -> None:
        extent, whole = counting.extent(), counting.whole
        if running:
            state = f"counting, {extent.fraction:.0%}"
        elif extent.complete:
            state = "all of it was counted"
        elif extent.fraction >= 1:
            state = f"a sample, {extent.share:.2%} of the topic"
        else:
            state = f"ended early: {extent.share:.2%} of the topic was counted"
        speed = rate(whole.records / extent.seconds) if extent.seconds > 0 else ""
        self.told.setText(
            f"{count(whole.records)} records, {size(whole.nbytes)} in {duration(extent.seconds)}: {state}."
        )
        self.told.setToolTip(f"{speed}, records a second" if speed else "")
        if whole.records or not running:
            self.view.show_counts(whole, counting.parts, sampled=not extent.complete)
            self._pages.setCurrentWidget(self.view)
        self.said.emit(self.told.text())

    def _show_running(self, on: bool) -> None:
        self.start.setEnabled(not on)
        self.extent.setEnabled(not on)
        self.stop.setVisible(on)
