"""One message: written, sent once or many times, and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QPushButton, QSplitter, QVBoxLayout, QWidget

from kexplorer.formats.composing import Composer
from kexplorer.formats.numbers import count
from kexplorer.formats.template import Filling
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Delivery, Outgoing, ProducerSettings, RowsSource
from kexplorer.model.producer_presets import PRESETS
from kexplorer.model.records import Header, Record, TimestampType
from kexplorer.model.topics import Topic, TopicPartition
from kexplorer.services.producing import Production
from kexplorer.services.send_pace import Limits
from kexplorer.services.sending import WarmSender
from kexplorer.services.sessions import Session
from kexplorer.services.template_rows import Repeated, TemplateRows
from kexplorer.ui.icons import icon
from kexplorer.ui.panels.produce_draft import was_by_schema
from kexplorer.ui.panels.produce_message import MessageEditor
from kexplorer.ui.panels.produce_tab import ProduceOf, ProduceTab, bar
from kexplorer.ui.panels.produce_templates import TemplatesButton, ask_texts
from kexplorer.ui.widgets.delivery_list import DeliveryList
from kexplorer.ui.widgets.limit_spin import LimitSpin
from kexplorer.ui.widgets.producer_settings import ProducerSettingsBox
from kexplorer.ui.widgets.production_view import ProductionView

_SAID_AFTER = 150  # ms of encoding
_CANCEL_AFTER = 400  # ms of waiting for an acknowledgement, until that is offered
_SINGLE = tuple(preset for preset in PRESETS if not preset.transactional)  # the others are sent from the basket

_CANCELLED = Failure(
    FailureKind.REFUSED,
    "Cancelled before it was acknowledged.",
    "It may have been written all the same: look at the end of the topic.",
)


class ComposeTab(ProduceTab):
    """`basket_wanted` with a message that shall be sent in a transaction."""

    basket_wanted = Signal(object)  # Outgoing

    def __init__(self, of: ProduceOf, topic: str) -> None:
        super().__init__(of)
        self._sending = self._adding = False
        self._sender = WarmSender()
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
        self.cancel_button = QPushButton(icon("stop"), "Cancel")
        self.cancel_button.setToolTip("Do not wait for its acknowledgement any longer")
        self.cancel_button.hide()
        self._patience = QTimer(self, interval=_CANCEL_AFTER, singleShot=True)
        self._slow = QTimer(self, interval=_SAID_AFTER, singleShot=True)
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
        upper_column.addLayout(
            bar([self.templates, self.fill], [self.times, self.rate, self.add, self.cancel_button, self.send_button])
        )
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
        self.cancel_button.clicked.connect(lambda: self.tasks.cancel("send"))
        self._patience.timeout.connect(self.cancel_button.show)
        self._slow.timeout.connect(lambda: self.send_button.setText("Encoding …"))
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
        """Once: nothing happens while a message is being encoded for it."""
        if self._adding or self.of.refused:
            return
        self.strip.clear()
        self._adding = True
        self.tasks.start("add", self._add_to_basket())
        self._update()

    def edit(self, outgoing: Outgoing) -> None:
        """What was composed before: partition and time stay as they are."""
        self.fill.setChecked(False)
        self.editor.show_outgoing(outgoing)
        self.tasks.start("decode", self._show_decoded(self._kept()))

    def load(self, record: Record) -> None:
        """To be edited and sent again."""
        self.fill.setChecked(False)
        self.editor.load(record)
        self.tasks.start("decode", self._show_decoded(record))
        if record.headers is None:
            text = "The headers of this record cannot be read, so they would not be sent."
            self.show_failure(Failure(FailureKind.UNREADABLE, text, "Add them by hand if they matter."))

    # the work behind it

    async def _send(self) -> None:
        try:
            self.editor.topic.check()
            await self.editor.settled()
            settings = self.settings.settings()
            if self.times.value() > 1:
                await self._send_many(settings)
            elif (outgoing := await self._composed()) is not None:
                await self._send_once(outgoing, settings)
        finally:
            self._sending = False
            self._update()

    async def _add_to_basket(self) -> None:
        try:
            self.editor.topic.check()
            await self.editor.settled()
            if (outgoing := await self._composed()) is not None:
                self.basket_wanted.emit(outgoing)
        finally:
            self._adding = False
            self._update()

    def _kept(self) -> Record:
        """What was put in and is not edited, as the record that it may come from."""
        editor = self.editor
        headers: tuple[Header, ...] = ()
        with contextlib.suppress(Failure):  # of headers that are not written to their end
            headers = editor.headers.headers()
        source = TopicPartition(editor.topic.name, 0)
        return Record(source, 0, None, TimestampType.NOT_AVAILABLE, editor.key.kept, editor.value.kept, headers)

    async def _show_decoded(self, record: Record) -> None:
        if schemas := (await self.of.open_session()).schemas:
            await self.editor.show_decoded(record, schemas)

    async def _composed(self) -> Outgoing | None:
        """The message as it is sent; None where a person did not want to say what is asked for."""
        if not self.fill.isChecked():
            with self._encoding():
                return await self.editor.outgoing_elsewhere()
        template, schemas = self.editor.template(fill=True), self.editor.payload_schemas()
        timestamp, route = self.editor.time.milliseconds(), self.editor.partition.route()
        with self._encoding():
            composer = await asyncio.to_thread(Composer, template, schemas=schemas)
        if not await self._ask(composer.variables):
            return None

        def compose() -> Outgoing:
            made = composer.compose(Filling(self._answers))._replace(timestamp=timestamp)
            return made._replace(partition=route(made)) if route else made

        with self._encoding():
            return await asyncio.to_thread(compose)

    @contextlib.contextmanager
    def _encoding(self) -> Iterator[None]:
        """Says so where it takes long."""
        self._slow.start()
        try:
            yield
        finally:
            self._slow.stop()
            self._update()

    async def _send_once(self, outgoing: Outgoing, settings: ProducerSettings) -> None:
        row = self.deliveries.model.begin(outgoing.topic, time.time_ns() // 1_000_000)
        self._patience.start()
        try:
            session = await self.of.open_session()
            delivery = await self._sender.send(session.cluster, outgoing, settings)
        except Failure as failure:
            self.deliveries.model.settle(row, Delivery(0, None, None, 0.0, failure))
            raise
        except asyncio.CancelledError:
            self.deliveries.model.settle(row, Delivery(0, None, None, 0.0, _CANCELLED))
            raise
        finally:
            self._patience.stop()
            self.cancel_button.hide()
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
            with self._encoding():
                return Repeated(await self.editor.outgoing_elsewhere(), number)
        if self.editor.time.milliseconds() is not None:
            text = "Messages that are filled in one by one take the time of their sending."
            raise Failure(FailureKind.INVALID, text, "Empty the timestamp.")
        template = self.editor.template(fill=True)
        schemas = self.editor.payload_schemas()
        with self._encoding():
            composer = await asyncio.to_thread(Composer, template, schemas=schemas)
        if not await self._ask(composer.variables):
            return None
        return TemplateRows(template, self.editor.topic.name, number, dict(self._answers), schemas=schemas)

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

    async def close_tab(self) -> None:
        await super().close_tab()
        await self._sender.close()

    def session_opened(self, session: Session) -> None:
        self.settings.check = session.cluster.check_settings
        self.settings.recheck()
        self.editor.set_schemas(session.schemas)

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
        message = self.editor.save_state()
        return {"message": message, "fill": self.fill.isChecked(), "settings": self.settings.save_state()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        if isinstance(message := state.get("message"), Mapping):
            self.editor.restore_state(message)
            self._tell_left(message.get("left"))
            if was_by_schema(message):
                self.tasks.start("decode", self._show_decoded(self._kept()))
        self.fill.setChecked(state.get("fill") is True)
        self.settings.restore_state(state.get("settings"))

    def _tell_left(self, left: object) -> None:
        if isinstance(left, list) and left:
            are = " and the ".join(str(part) for part in left)
            text = f"The {are} of the draft {'were' if len(left) > 1 else 'was'} too large to keep."
            self.show_failure(Failure(FailureKind.REFUSED, text, "Put it in again before you send."))

    def _settings_changed(self) -> None:
        self.editor.partitioner = self.settings.partitioner
        self.editor.changed.emit()

    def _update(self) -> None:
        """What is possible as things stand. What is wrong with the message is said when it is to be sent."""
        busy, refused, many = self._sending, self.of.refused, self.times.value() > 1
        self.send_button.setEnabled(not busy and not refused)
        self.send_button.setText(f"Send {count(int(self.times.value()))}" if many else "Send")
        self.rate.setVisible(many)
        self.add.setEnabled(not self._adding and not refused)
        self.send_button.setToolTip(str(refused) if refused else "Send this message (Ctrl+Return)")
