"""One message: written, sent once or many times, and what became of it."""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QPushButton, QSplitter, QVBoxLayout, QWidget

from kexplorer.formats.composing import Composer
from kexplorer.formats.numbers import count
from kexplorer.formats.template import Filling
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Delivery, Outgoing, ProducerSettings, RowBatch, Rows, RowsSource
from kexplorer.model.producer_presets import PRESETS
from kexplorer.model.records import Record
from kexplorer.model.topics import Topic
from kexplorer.services.producing import Production, send_one
from kexplorer.services.send_pace import Limits
from kexplorer.services.sessions import Session
from kexplorer.services.template_rows import TemplateRows
from kexplorer.ui.icons import icon
from kexplorer.ui.panels.produce_message import MessageEditor
from kexplorer.ui.panels.produce_tab import ProduceOf, ProduceTab, bar
from kexplorer.ui.panels.produce_templates import TemplatesButton, ask_texts
from kexplorer.ui.widgets.delivery_list import DeliveryList
from kexplorer.ui.widgets.limit_spin import LimitSpin
from kexplorer.ui.widgets.producer_settings import ProducerSettingsBox
from kexplorer.ui.widgets.production_view import ProductionView

_SINGLE = tuple(preset for preset in PRESETS if not preset.transactional)  # the others are sent from the basket


class ComposeTab(ProduceTab):
    """`basket_wanted` with a message that shall be sent in a transaction."""

    basket_wanted = Signal(object)  # Outgoing

    def __init__(self, of: ProduceOf, topic: str) -> None:
        super().__init__(of)
        self._sending = False
        self._answers: dict[str, str] = {}  # of the variables, as they were given last
        self.editor = MessageEditor(topic, self.tasks)
        self.settings = ProducerSettingsBox(_SINGLE)
        self.templates = TemplatesButton(of.templates, self.tasks)
        self.fill = QCheckBox("Fill in ${…}")
        self.fill.setToolTip(
            "${uuid}, ${now}, ${now.iso}, ${seq}, ${random.int(1,9)}, ${choice(a,b)}, ${faker.name}, ${ask:variable}"
        )
        self.times = LimitSpin("How many times it is sent", "once", " times", least=1)
        self.rate = LimitSpin("Messages a second", "as fast as it goes", " /s", decimals=1)
        self.add = QPushButton(icon("plus"), "Add to transaction")
        self.send_button = QPushButton("Send")
        self.send_button.setProperty("kind", "primary")
        self.send_button.setToolTip("Send this message (Ctrl+Return)")
        self.deliveries = DeliveryList()
        self.production = ProductionView(of.jobs)
        self._lay_out()
        self._connect()
        self._update()
        self.setFocusProxy(self.editor)
        self.tasks.start("templates", self.templates.load())

    def _lay_out(self) -> None:
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.production)
        column.addWidget(self.deliveries, 1)
        upper = QWidget()
        upper_column = QVBoxLayout(upper)
        upper_column.setContentsMargins(0, 0, 0, 0)
        upper_column.setSpacing(0)
        upper_column.addWidget(self.editor, 1)
        upper_column.addLayout(bar([self.templates, self.fill], [self.times, self.rate, self.add, self.send_button]))
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(upper)
        splitter.addWidget(below)
        splitter.setSizes([440, 180])
        self.column.addLayout(bar([self.settings], stretched=self.settings))
        self.column.addWidget(splitter, 1)

    def _connect(self) -> None:
        self.editor.changed.connect(self._update)
        self.settings.changed.connect(self._settings_changed)
        self.fill.toggled.connect(self.editor.set_filled)
        self.templates.chosen.connect(self._show_template)
        self.templates.save_wanted.connect(lambda: self.tasks.start("template", self._save_template()))
        self.times.valueChanged.connect(lambda _: self._update())
        self.send_button.clicked.connect(self.send)
        self.add.clicked.connect(self.add_to_basket)
        self.deliveries.show_requested.connect(self.of.open_message)

    # what a person does

    def send(self) -> None:
        """Once: nothing happens while a message is on its way."""
        if self._sending or self.of.refused:
            return
        self.strip.clear()
        self._sending = True
        self.tasks.start("send", self._send())
        self._update()

    def add_to_basket(self) -> None:
        try:
            outgoing = self.editor.outgoing()
        except Failure as failure:
            self.show_failure(failure)
        else:
            self.strip.clear()
            self.basket_wanted.emit(outgoing)

    def load(self, record: Record) -> None:
        """To be edited and sent again."""
        self.fill.setChecked(False)
        self.editor.load(record)
        if record.headers is None:
            text = "The headers of this record cannot be read, so they would not be sent."
            self.show_failure(Failure(FailureKind.UNREADABLE, text, "Add them by hand if they matter."))

    # the work behind it

    async def _send(self) -> None:
        try:
            self.editor.topic.check()
            settings = self.settings.settings()
            if self.times.value() > 1:
                await self._send_many(settings)
            elif (outgoing := await self._composed()) is not None:
                await self._send_once(outgoing, settings)
        finally:
            self._sending = False
            self._update()

    async def _composed(self) -> Outgoing | None:
        """The message as it is sent; None where a person did not want to say what is asked for."""
        if not self.fill.isChecked():
            return self.editor.outgoing()
        composer = Composer(self.editor.template(fill=True))
        if not await self._ask(composer.variables):
            return None
        made = composer.compose(Filling(self._answers))._replace(timestamp=self.editor.time.milliseconds())
        route = self.editor.partition.route()
        return made._replace(partition=route(made)) if route else made

    async def _send_once(self, outgoing: Outgoing, settings: ProducerSettings) -> None:
        row = self.deliveries.model.begin(outgoing.topic, time.time_ns() // 1_000_000)
        try:
            session = await self.of.open_session()
            delivery = await send_one(session.cluster, outgoing, settings)
        except Failure as failure:
            self.deliveries.model.settle(row, Delivery(0, None, None, 0.0, failure))
            raise
        self.deliveries.model.settle(row, delivery)
        if delivery.failure:
            self.said.emit(f"Not delivered: {delivery.failure.message}")
        else:
            self.said.emit(f"Delivered to partition {delivery.partition} of {outgoing.topic}.")

    async def _send_many(self, settings: ProducerSettings) -> None:
        number, rate = int(self.times.value()), self.rate.limit
        source = await self._repeated(number)
        if source is None:
            return
        session = await self.of.open_session()
        # The partition of one message is the partition of all of them only where nothing of it is filled in.
        route = self.editor.partition.route() if self.fill.isChecked() else None
        production = Production(session.cluster, source, settings, Limits(number, rate), route=route)
        topic = self.editor.topic.name
        outcome = await self.production.run(production, f"{count(number)} messages to {topic}", number)
        self.said.emit(" ".join(outcome.lines()))

    async def _repeated(self, number: int) -> RowsSource | None:
        if not self.fill.isChecked():
            return Repeated(self.editor.outgoing(), number)
        if self.editor.time.milliseconds() is not None:
            text = "Messages that are filled in one by one take the time of their sending."
            raise Failure(FailureKind.INVALID, text, "Empty the timestamp.")
        template = self.editor.template(fill=True)
        if not await self._ask(Composer(template).variables):
            return None
        return TemplateRows(template, self.editor.topic.name, number, dict(self._answers))

    async def _ask(self, variables: Sequence[str]) -> bool:
        if variables:
            text = "They stand in the message as ${ask:…}."
            answers = await ask_texts(self, "Variables", text, variables, self._answers, "Send")
            if answers is None:
                return False
            self._answers.update(answers)
        return True

    def _show_template(self, template: object) -> None:
        self.editor.show_template(template)  # type: ignore[arg-type]  # a signal's argument has no type
        self.fill.setChecked(True)

    async def _save_template(self) -> None:
        template = self.editor.template(fill=True)
        text = "It is saved with its key, value, headers, topic and partition."
        before = {"Name": self.templates.last}
        if answers := await ask_texts(self, "Save this message", text, ["Name"], before, "Save"):
            await self.templates.save(answers["Name"], template)
            self.said.emit(f"Saved as {answers['Name'].strip()}.")

    # ProduceTab

    def session_opened(self, session: Session) -> None:
        self.settings.check = session.cluster.check_settings
        self.settings.recheck()

    @property
    def busy(self) -> bool:
        return self._sending

    @property
    def undelivered(self) -> int:
        return self.deliveries.model.under_way + self.production.undelivered

    def show_topics(self, topics: Sequence[Topic]) -> None:
        self.editor.topic.set_topics(topics)

    def set_zone(self, zone: tzinfo) -> None:
        self.editor.set_zone(zone)
        self.deliveries.model.zone = zone

    def save_state(self) -> dict[str, object]:
        return {"message": self.editor.save_state(), "settings": self.settings.save_state()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        if isinstance(message := state.get("message"), Mapping):
            self.editor.restore_state(message)
        self.settings.restore_state(state.get("settings"))

    def _settings_changed(self) -> None:
        self.editor.partitioner = self.settings.partitioner
        self.editor.changed.emit()

    def _update(self) -> None:
        """What is possible as things stand. What is wrong with the message is said when it is to be sent."""
        busy, refused, many = self._sending, self.of.refused, self.times.value() > 1
        self.send_button.setEnabled(not busy and not refused)
        self.send_button.setText(f"Send {count(int(self.times.value()))}" if many else "Send")
        self.rate.setVisible(many)
        self.add.setEnabled(not refused)
        self.send_button.setToolTip(str(refused) if refused else "Send this message (Ctrl+Return)")


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same message, `number` times."""

    outgoing: Outgoing
    number: int

    @property
    def name(self) -> str:
        return "the message"

    def open(self) -> Rows:
        return _Copies(self.outgoing, self.number)


class _Copies:
    def __init__(self, outgoing: Outgoing, number: int) -> None:
        self._outgoing, self._number, self._row = outgoing, number, 0

    def next(self, most: int) -> RowBatch | None:
        """Their numbers count from 1."""
        here = min(most, self._number - self._row)
        if here <= 0:
            return None
        first, self._row = self._row + 1, self._row + here
        return RowBatch([self._outgoing] * here, array("q", range(first, first + here)), [])

    def close(self) -> None:
        """Nothing is open."""
