"""Rows of a file or folder: looked at first, then sent at a rate that is chosen, with a report on each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFileDialog, QLineEdit, QPushButton, QSplitter, QStackedWidget, QWidget

from kexplorer.formats.numbers import count
from kexplorer.formats.partitioning import predicted
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Outgoing
from kexplorer.model.producer_presets import PRESETS
from kexplorer.model.topics import Topic
from kexplorer.services.producing import Production
from kexplorer.services.rows_in import check_all, csv_columns, preview
from kexplorer.services.send_pace import Limits
from kexplorer.services.send_report import Answered, read_report
from kexplorer.services.sessions import Session
from kexplorer.ui.models.preview_rows import PROBLEM, PreviewModel
from kexplorer.ui.panels.produce_tab import ProduceOf, ProduceTab, bar
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.limit_spin import LimitSpin
from kexplorer.ui.widgets.producer_settings import ProducerSettingsBox
from kexplorer.ui.widgets.production_view import ProductionView
from kexplorer.ui.widgets.rows_source_box import RowsSourceBox
from kexplorer.ui.widgets.rows_table import RowsTable

_PREVIEWED = 50  # rows
_WHAT = (
    "JSON lines as an export writes them, a CSV with a column for each part, or a folder with a file for each value."
)
_BULK = tuple(preset for preset in PRESETS if not preset.transactional)


class ManyTab(ProduceTab):
    def __init__(self, of: ProduceOf, topic: str) -> None:
        super().__init__(of)
        self._sending = False
        self._topics: dict[str, Topic] = {}
        self.source = RowsSourceBox(topic)
        self.settings = ProducerSettingsBox(_BULK)
        self.model = PreviewModel(self)
        self.table = RowsTable(self.model, "First rows")
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        self.check_first = QCheckBox("Only if every row is right")
        self.check_first.setChecked(True)
        self.check_first.setToolTip(
            "All are checked before the first is sent; otherwise wrong ones are left out, and told of"
        )
        self.most = LimitSpin("Messages at most", "all rows", " rows")
        self.seconds = LimitSpin("Seconds at most", "no end", " s")
        self.rate = LimitSpin("Messages a second", "as fast as it goes", " /s", decimals=1)
        self.byte_rate = LimitSpin("Megabytes a second, of keys and values", "any size", " MB/s", decimals=1)
        self.report = QLineEdit()
        self.report.setPlaceholderText("None")
        self.report.setAccessibleName("Report")
        self.report.setToolTip("A line of JSON for each row: where it is, or why it is nowhere")
        self.choose_report = QPushButton("Report…")
        self.resume = QCheckBox("Go on from it")
        self.resume.setToolTip("Rows that the report says are acknowledged are left out")
        self.check = QPushButton("Check all rows")
        self.start_button = QPushButton("Start")
        self.start_button.setProperty("kind", "primary")
        self.production = ProductionView(of.jobs)
        self.empty = EmptyState("upload", "Rows of a file become messages.", _WHAT, "Choose a file…")
        self._lay_out()
        self._connect()
        self._update()
        self.setFocusProxy(self.source.path)

    def _lay_out(self) -> None:
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.table)
        splitter.addWidget(self._pages)
        splitter.addWidget(self.production)
        splitter.setSizes([320, 200])
        limits = [self.most, self.rate, self.byte_rate, self.seconds]
        self.column.addWidget(self.source)
        self.column.addLayout(bar([self.settings], stretched=self.settings))
        self.column.addLayout(bar([plain_label("First rows", "heading"), self.told], stretched=self.told))
        self.column.addWidget(splitter, 1)
        report: list[QWidget] = [plain_label("Report", "muted"), self.report, self.choose_report, self.resume]
        self.column.addLayout(bar([plain_label("Send", "muted"), *limits, self.check_first]))
        self.column.addLayout(bar(report, [self.check, self.start_button], stretched=self.report))

    def _connect(self) -> None:
        self.empty.action_requested.connect(self.source.choose_file)
        self.source.changed.connect(self._show_preview)
        self.source.columns_wanted.connect(
            lambda path, delimiter: self.tasks.start("columns", self._read_columns(path, delimiter))
        )
        self.settings.changed.connect(self._show_preview)
        self.choose_report.clicked.connect(self._browse)
        self.report.textChanged.connect(lambda _: self._update())
        self.check.clicked.connect(lambda: self.tasks.start("check", self._check()))
        self.start_button.clicked.connect(self.start)

    # what a person does

    def start(self) -> None:
        """Once: nothing happens while rows are being sent."""
        if self._sending or self.of.refused:
            return
        self.strip.clear()
        self._sending = True
        self._update()
        self.tasks.start("send", self._send())

    # the work behind it

    async def _send(self) -> None:
        try:
            source, settings = self.source.source(), self.settings.settings()
            if self.check_first.isChecked():
                await self._refuse_wrong_rows()
            report = self._report()
            answered = await self._answered(report, source.name)
            session = await self.of.open_session()
            production = Production(
                session.cluster,
                source,
                settings,
                self._limits(),
                route=self.source.router(),
                report=report,
                answered=answered,
                stop_at_wrong_row=self.check_first.isChecked(),
            )
            outcome = await self.production.run(production, f"Rows of {source.name}", self.most.whole)
            self.said.emit(" ".join(outcome.lines()))
        finally:
            self._sending = False
            self._update()

    async def _refuse_wrong_rows(self) -> None:
        self._tell("All rows are being checked …")
        checked = await check_all(self.source.source())
        if checked.bad:
            first = checked.troubles[0]
            self._tell("")
            text = f"{count(checked.bad)} of {count(checked.good + checked.bad)} rows cannot be sent. Nothing was sent."
            hint = f"The first is {first.place}: {first.failure}"
            raise Failure(FailureKind.INVALID, text, hint)
        self._tell(f"All {count(checked.good)} rows can be sent.")

    async def _check(self) -> None:
        self.strip.clear()
        await self._refuse_wrong_rows()

    def _report(self) -> Path | None:
        text = self.report.text().strip()
        return Path(text).expanduser() if text else None

    async def _answered(self, report: Path | None, source: str) -> Answered | None:
        if report is None or not self.resume.isChecked():
            return None
        return await asyncio.to_thread(read_report, report, source)

    def _limits(self) -> Limits:
        megabytes = self.byte_rate.limit
        return Limits(self.most.whole, self.rate.limit, megabytes and megabytes * 1_000_000, self.seconds.limit)

    def _show_preview(self) -> None:
        chosen = bool(self.source.path.text().strip())
        self._pages.setCurrentWidget(self.table if chosen else self.empty)
        if chosen:
            self.tasks.start("preview", self._preview())

    async def _preview(self) -> None:
        self.strip.clear()
        try:
            router = self.source.router()
            batch = await preview(self.source.source(), _PREVIEWED)
        except Failure:
            self.model.set_rows(())
            self._tell("")
            raise
        self.model.show_batch(batch, lambda outgoing: self._predicted(_routed(outgoing, router)))
        self.table.setColumnHidden(PROBLEM, not self.model.wrong)
        good, bad = len(batch.outgoing), len(batch.troubles)
        wrong = f"{count(bad)} of them cannot be sent." if bad else "All of them can be sent."
        self._tell(f"{count(good + bad)} rows. {wrong}" if good + bad else "There are no rows.")

    def _predicted(self, outgoing: Outgoing) -> str:
        topic = self._topics.get(outgoing.topic)
        if topic is None and self._topics:
            raise Failure(FailureKind.NOT_FOUND, f"There is no topic {outgoing.topic}.", "Create it first.")
        partitions = len(topic.partitions) if topic else 0
        if outgoing.partition is not None:
            if partitions and outgoing.partition >= partitions:
                text = f"{outgoing.topic} has no partition {outgoing.partition}."
                raise Failure(FailureKind.NOT_FOUND, text, f"It has {partitions}.")
            return str(outgoing.partition)
        key = outgoing.key.encode() if isinstance(outgoing.key, str) else outgoing.key
        found = predicted(key, partitions, self.settings.partitioner) if partitions else None
        return "any" if found is None else str(found)

    async def _read_columns(self, path: Path, delimiter: str) -> None:
        self.source.offer_columns(await csv_columns(path, delimiter))

    def _browse(self) -> None:
        dialog = QFileDialog(self, "Report", self.report.text(), "JSON lines (*.jsonl);;All files (*)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("jsonl")
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # a report is continued
        dialog.fileSelected.connect(self.report.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _tell(self, sentence: str) -> None:
        self.told.show_text(sentence)

    def _update(self) -> None:
        refused = self.of.refused
        self.start_button.setEnabled(not self._sending and not refused)
        self.start_button.setToolTip(str(refused) if refused else "Send the rows (Ctrl+Return)")
        self.check.setEnabled(not self._sending)
        self.resume.setEnabled(bool(self.report.text().strip()))

    # ProduceTab

    def session_opened(self, session: Session) -> None:
        self.settings.check = session.cluster.check_settings
        self.settings.recheck()

    def show_topics(self, topics: Sequence[Topic]) -> None:
        self._topics = {topic.name: topic for topic in topics}
        self.source.topic.set_topics(topics)

    @property
    def busy(self) -> bool:
        return self._sending

    @property
    def undelivered(self) -> int:
        return self.production.undelivered

    def save_state(self) -> dict[str, object]:
        return {"source": self.source.save_state(), "settings": self.settings.save_state()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.source.restore_state(state.get("source"))
        self.settings.restore_state(state.get("settings"))


def _routed(outgoing: Outgoing, router: Callable[[Outgoing], int | None] | None) -> Outgoing:
    return outgoing if router is None else outgoing._replace(partition=router(outgoing))
