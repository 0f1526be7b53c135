"""What settings would give on this cluster: some are chosen, and each sends to a topic that is there only for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QSpinBox, QStackedWidget, QWidget

from kexplorer.formats.numbers import count, duration, rate
from kexplorer.model.changes import DeleteTopics
from kexplorer.model.producer_presets import PRESETS
from kexplorer.model.topics import Topic
from kexplorer.services.produce_benchmark import PREFIX, Benchmark, Configuration, Load, delete, throw_away_topic
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.change_dialog import make_change
from kexplorer.ui.icons import icon
from kexplorer.ui.panels.produce_tab import ProduceOf, ProduceTab, bar
from kexplorer.ui.widgets.benchmark_results import BenchmarkResults
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.limit_spin import LimitSpin
from kexplorer.ui.widgets.producer_settings import ProducerSettingsBox

_COMPARED = tuple(preset for preset in PRESETS if not preset.transactional)
_CHOSEN = ("Durable", "Throughput", "Low latency")
_LOOK_EVERY = 250  # ms
_MOST_SIZE, _MOST_KEYS, _MOST_PARTITIONS, _MOST_SECONDS = 1_000_000, 1_000_000, 1000, 600
_USUAL_REPLICAS = 3


class BenchmarkTab(ProduceTab):
    def __init__(self, of: ProduceOf) -> None:
        super().__init__(of)
        self._session: Session | None = None
        self._running: Benchmark | None = None
        self._busy = False
        self._total = 0  # settings that the running one compares
        self._left: tuple[str, ...] = ()  # topics of benchmarks that were interrupted
        self.presets = {preset.name: QCheckBox(preset.name) for preset in _COMPARED}
        for preset in _COMPARED:
            self.presets[preset.name].setChecked(preset.name in _CHOSEN)
            self.presets[preset.name].setToolTip(preset.trade_off)
        self.edited = QCheckBox("And these")
        self.edited.setToolTip("Settings of your own, beginning with those of a preset")
        self.settings = ProducerSettingsBox(_COMPARED)
        self.size_box = _spin("Bytes of each value", 1000, _MOST_SIZE, suffix=" B")
        self.keys = _spin("Different keys", 1000, _MOST_KEYS, least=0)
        self.keys.setSpecialValueText("none")
        self.partitions = _spin("Partitions of the topic", 6, _MOST_PARTITIONS)
        self.replication = _spin("Replicas of each partition", 1, 1)
        self.seconds = _spin("Seconds for each of the settings", 10, _MOST_SECONDS, suffix=" s")
        self.rate = LimitSpin("Messages a second", "as fast as it goes", " /s", decimals=1)
        self.start_button = QPushButton("Start…")
        self.start_button.setProperty("kind", "primary")
        self.cancel_button = QPushButton(icon("stop"), "Cancel")
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        self.tidy = QPushButton(icon("trash"), "Delete…")
        self.results = BenchmarkResults()
        self._look = QTimer(self, interval=_LOOK_EVERY)
        self._lay_out()
        self._connect()
        self._update()

    def _lay_out(self) -> None:
        self._pages = QStackedWidget()
        self._pages.addWidget(
            EmptyState(
                "gauge",
                "What would these settings give on this cluster?",
                "Each of them sends the same records for some seconds to a new topic. You are asked before it is "
                "created, and it is deleted at the end.",
            )
        )
        self._pages.addWidget(self.results)
        load: list[tuple[str, QWidget]] = [
            ("Values of", self.size_box),
            ("Keys", self.keys),
            ("Partitions", self.partitions),
            ("Replicas", self.replication),
            ("Rate", self.rate),
            ("For", self.seconds),
        ]
        presets = bar(list(self.presets.values()))
        presets.setSpacing(20)
        self.column.addLayout(presets)
        self.column.addLayout(bar([self.edited, self.settings], stretched=self.settings))
        for part in (load[:4], load[4:]):  # one row would need more than a small window has
            row = QHBoxLayout()
            row.setContentsMargins(12, 4, 12, 4)
            row.setSpacing(6)
            for name, widget in part:
                row.addWidget(plain_label(name, "muted"))
                row.addWidget(widget)
                row.addSpacing(8)
            row.addStretch()
            self.column.addLayout(row)
        buttons: list[QWidget] = [self.tidy, self.cancel_button, self.start_button]
        self.column.addLayout(bar([self.told], buttons, stretched=self.told))
        self.column.addWidget(self._pages, 1)

    def _connect(self) -> None:
        for box in (*self.presets.values(), self.edited):
            box.toggled.connect(lambda _: self._update())
        for spin in (self.seconds, self.rate):
            spin.valueChanged.connect(lambda _: self._update())
        self.settings.changed.connect(self._update)
        self.start_button.clicked.connect(self.start)
        self.cancel_button.clicked.connect(self.cancel)
        self.tidy.clicked.connect(lambda: self.tasks.start("tidy", self._tidy()))
        self.results.said.connect(self.said)
        self._look.timeout.connect(self._show_progress)

    # what a person does

    def start(self) -> None:
        """Once: nothing happens while one is running."""
        if self._busy or self.of.refused or not self._chosen_count():
            return
        self.strip.clear()
        self._busy = True
        self._update()
        self.tasks.start("benchmark", self._run())

    def cancel(self) -> None:
        if self._running:
            self._running.cancel()

    def chosen(self) -> list[Configuration]:
        """Raises `Failure` for edited settings that are wrong."""
        found = [Configuration(p.name, p.producer_settings()) for p in _COMPARED if self.presets[p.name].isChecked()]
        if self.edited.isChecked():
            changes = self.settings.model.changes
            named = ", ".join(f"{name}={value}" for name, value in changes.items()) or "once more"
            name = f"{self.settings.model.preset.name}, {named}"
            found.append(Configuration(name, self.settings.settings()))
        return found

    # the work behind it

    async def _run(self) -> None:
        try:
            chosen, load = self.chosen(), self._load()
            session = self._session = await self.of.open_session()
            topic = throw_away_topic(self.partitions.value(), self.replication.value())
            made = await make_change(self, session.changes, topic)
            if made is None or made.failures:
                return
            benchmark = self._running = Benchmark(session.cluster, topic.name, load, chosen, self.of.jobs)
            self._begin(load, len(chosen))
            try:
                await benchmark.run(self.results.add)
            finally:
                self.told.show_text(f"The topic {topic.name} is being deleted …")
                await delete(session.changes, topic.name)
            self.said.emit(f"The benchmark has ended, and its topic {topic.name} is deleted.")
        finally:
            self._busy, self._running = False, None
            self._look.stop()
            self._update()

    def _begin(self, load: Load, total: int) -> None:
        self._total = total
        self.results.begin(load)
        self._pages.setCurrentWidget(self.results)
        self._look.start()
        self._update()

    def _load(self) -> Load:
        return Load(self.size_box.value(), self.keys.value(), float(self.seconds.value()), self.rate.limit)

    async def _tidy(self) -> None:
        session = await self.of.open_session()
        if await make_change(self, session.changes, DeleteTopics(self._left)):
            await session.catalog.refresh()

    def _show_progress(self) -> None:
        if self._running is None or (progress := self._running.progress()) is None:
            return
        parts = [
            f"{self._running.under_way}, {self.results.model.total + 1} of {self._total}",
            f"{count(progress.acknowledged)} acknowledged",
            rate(progress.rate),
            f"p99 {duration(progress.newest_p99 / 1000)}" if progress.newest_p99 else "",
        ]
        self.told.show_text("  ·  ".join(part for part in parts if part))

    def _update(self) -> None:
        refused, chosen = self.of.refused, self._chosen_count()
        self.start_button.setEnabled(bool(chosen) and not self._busy and not refused)
        self.start_button.setToolTip(str(refused) if refused else "Asks before the topic is created")
        self.start_button.setVisible(self._running is None)
        self.cancel_button.setVisible(self._running is not None)
        self.settings.setEnabled(self.edited.isChecked())
        self.tidy.setVisible(bool(self._left) and not self._busy)
        if self._busy:
            return
        if self._left:
            names = f"The topic {self._left[0]} is" if len(self._left) == 1 else f"{len(self._left)} topics are"
            self.told.show_text(f"{names} left of a benchmark that was interrupted, or still runs elsewhere.")
        elif chosen:
            seconds = chosen * self.seconds.value()
            self.told.show_text(f"About {duration(seconds)}, on a new topic that is deleted at the end.")
        else:
            self.told.show_text("Choose what is compared.")

    def _chosen_count(self) -> int:
        return sum(box.isChecked() for box in (*self.presets.values(), self.edited))

    # ProduceTab

    def session_opened(self, session: Session) -> None:
        self._session = session
        self.settings.check = session.cluster.check_settings
        self.settings.recheck()

    def show_topics(self, topics: Sequence[Topic]) -> None:
        running = self._busy
        self._left = () if running else tuple(topic.name for topic in topics if topic.name.startswith(PREFIX))
        known = self._session.catalog.metadata if self._session else None
        if known and known.brokers:
            before = self.replication.maximum()
            self.replication.setMaximum(len(known.brokers))
            if before == 1:
                self.replication.setValue(min(len(known.brokers), _USUAL_REPLICAS))
        self._update()

    @property
    def busy(self) -> bool:
        return self._busy

    @property
    def undelivered(self) -> int:
        return self._running.undelivered if self._running else 0

    def save_state(self) -> dict[str, object]:
        return {
            "presets": [name for name, box in self.presets.items() if box.isChecked()],
            "edited": self.edited.isChecked(),
            "settings": self.settings.save_state(),
        }

    def restore_state(self, state: Mapping[str, object]) -> None:
        match state.get("presets"):
            case list(names):
                for name, box in self.presets.items():
                    box.setChecked(name in names)
        self.edited.setChecked(state.get("edited") is True)
        self.settings.restore_state(state.get("settings"))


def _spin(name: str, value: int, most: int, *, least: int = 1, suffix: str = "") -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, most)
    spin.setValue(value)
    spin.setSuffix(suffix)
    spin.lineEdit().setTextMargins(6, 0, 0, 0)
    spin.setGroupSeparatorShown(True)
    spin.setAccessibleName(name)
    spin.setToolTip(name)
    return spin
