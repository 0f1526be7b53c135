"""Makes a topic: a new one, or one like another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from kexplorer.model.changes import CreateTopic
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topic_settings import PRESETS, check_topic_name, colliding
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.dialogs.setting_lines import SettingLines
from kexplorer.ui.widgets.labels import plain_label

_MOST_PARTITIONS = 100_000
_USUAL_REPLICAS = 3
_NO_PRESET = "The broker's own configuration, as it is now and as it will be."


@dataclass(frozen=True, slots=True)
class Made:
    """`with_records`: those of the topic that it was made like are wanted in it, too."""

    name: str
    with_records: bool


async def create_topic(
    parent: QWidget | None, session: Session, like: CreateTopic | None = None, *, copies: bool = False
) -> Made | None:
    """Once the topic is made; None: it was not. `like` is what the dialog begins with; with `copies` it offers to copy
    records."""
    if session.catalog.metadata is None:
        await session.catalog.refresh()
    dialog = CreateTopicDialog(parent, session, like, copies=copies)
    return Made(dialog.made, dialog.with_records) if await answered(dialog) else None


class CreateTopicDialog(ChangeForm):
    def __init__(
        self, parent: QWidget | None, session: Session, like: CreateTopic | None = None, *, copies: bool = False
    ) -> None:
        cluster = session.cluster.profile.name
        title = f"Create a topic like {like.name}" if like else "Create a topic"
        about = f"In {cluster}, with what {like.name} itself sets." if like else f"In {cluster}."
        super().__init__(parent, session, title, "Create topic…", self._submit, about)
        self._preset: Mapping[str, str] = {}  # what the chosen preset has filled in
        seen = session.catalog.metadata
        self._topics = [topic.name for topic in seen.topics] if seen else []
        self._brokers = len(seen.brokers) if seen else 0
        self.made, self.with_records = "", False
        self.records = QCheckBox("Copy its committed records, too, each exactly once", self)
        self.records.setToolTip(
            "As a job that can be cancelled. Same partitions, times and headers; compared at the end"
        )
        self.records.setVisible(copies)
        self.records.toggled.connect(self._set_with_records)
        self.name = QLineEdit()
        self.partitions = _spin(_MOST_PARTITIONS, like.partitions if like else 1)
        usual = min(max(self._brokers, 1), _USUAL_REPLICAS)
        self.replication = _spin(max(self._brokers, 1), like.replication if like else usual)
        self.defaults = plain_label(" ", "muted")
        self.preset = QComboBox()
        self.preset.addItem("Broker's defaults", None)
        for each in PRESETS:
            self.preset.addItem(each.name, each)
        self.settings = SettingLines()
        self.fields = {
            "name": Field("&Name", self.name),
            "partitions": Field("&Partitions", self.partitions),
            "replication": Field("&Replication factor", self.replication),
            "preset": Field("&For", self.preset),
            "settings": Field("&Configuration", self.settings),
        }
        self.about_preset = plain_label(_NO_PRESET, "muted", wrap=True)
        self.warning = plain_label("", "warn", wrap=True)
        self._lay_out()
        if like:
            self.name.setText(f"{like.name}-copy" if like.name in self._topics else like.name)
            self.settings.set_properties(dict(like.configs))
        self.name.textChanged.connect(lambda _: self._judge_name())
        self.preset.currentIndexChanged.connect(lambda _: self._fill_in())
        self.replication.valueChanged.connect(lambda _: self._fill_in())
        self.settings.changed.connect(self._judge)
        self._judge_name()
        self.resize(640, 620)
        self.tasks.start("defaults", self._read_defaults(propose=like is None))
        self.name.setFocus()
        self.name.selectAll()

    def _lay_out(self) -> None:
        numbers = QHBoxLayout()
        numbers.setSpacing(12)
        numbers.addWidget(self.fields["partitions"], 1)
        numbers.addWidget(self.fields["replication"], 1)
        purpose = QVBoxLayout()
        purpose.setSpacing(4)
        purpose.addWidget(self.fields["preset"])
        purpose.addWidget(self.about_preset)
        self.body.addWidget(self.fields["name"])
        counts = QVBoxLayout()
        counts.setSpacing(4)
        counts.addLayout(numbers)
        counts.addWidget(self.defaults)
        self.body.addLayout(counts)
        self.body.addLayout(purpose)
        self.body.addWidget(self.fields["settings"], 1)
        self.body.addWidget(self.records)
        self.body.addWidget(self.warning)

    @property
    def change(self) -> CreateTopic:
        """Raises `Failure` while something is missing or wrong."""
        check_topic_name(self.name.text())
        if self.settings.faulty():
            raise Failure(FailureKind.INVALID, "The configuration has lines that Kafka does not take.", "See below it.")
        return CreateTopic(
            self.name.text(), self.partitions.value(), self.replication.value(), self.settings.properties()
        )

    async def _submit(self) -> None:
        change = self.change
        self.made = change.name
        await self.make(change)

    def _set_with_records(self, on: bool) -> None:
        self.with_records = on

    async def _read_defaults(self, *, propose: bool) -> None:
        """What the brokers give a topic that says nothing; with `propose` the partitions begin with it."""
        seen = self.session.catalog.metadata
        if not seen or not seen.brokers:
            return
        broker = seen.brokers[0].id
        try:
            found = (await self.session.cluster.broker_configs([broker]))[broker]
        except Failure:
            return  # not everybody may ask; the topic can be created all the same
        if isinstance(found, Failure):
            return
        partitions, replication = (found.get(name) for name in ("num.partitions", "default.replication.factor"))
        if not partitions or not replication or not partitions.value:
            return
        self.defaults.setText(
            f"The brokers' own defaults are num.partitions={partitions.value} and "
            f"default.replication.factor={replication.value}."
        )
        if propose and self.partitions.value() == 1:
            self.partitions.setValue(int(partitions.value))

    def _judge_name(self) -> None:
        name, failure = self.name.text(), None
        try:
            check_topic_name(name)
            if name in self._topics:
                raise Failure(FailureKind.INVALID, f"There is a topic {name} already.", "Choose another name.")
        except Failure as found:
            failure = found
        self.fields["name"].show_problem(failure if name else None)
        self._judge()

    def _judge(self) -> None:
        name = self.name.text()
        usable = bool(name) and self.fields["name"].message.property("role") != "bad"
        self.action.setEnabled(usable and not self.settings.faulty())
        told = []
        if usable and (other := colliding(name, self._topics)):
            told.append(
                f"Kafka's metrics can't tell {name} from {other}: they write dots as underscores. "
                "Kafka 4 refuses the second of two such topics."
            )
        needed = self.settings.properties().get("min.insync.replicas", "")
        if needed.isdecimal() and self.replication.value() < int(needed):
            told.append(f"min.insync.replicas={needed} needs more replicas: no write with acks=all would be taken.")
        self.warning.setText("\n".join(told))
        self.warning.setVisible(bool(told))

    def _fill_in(self) -> None:
        """Lines of the preset chosen before go, unless the person has changed them."""
        preset = self.preset.currentData()
        lines = self.settings.properties()
        kept = {name: value for name, value in lines.items() if self._preset.get(name) != value}
        self._preset = preset.configs_for(self.replication.value()) if preset else {}
        self.about_preset.setText(preset.meaning if preset else _NO_PRESET)
        wanted = {**self._preset, **kept}
        if wanted != lines and not self.settings.faulty():
            self.settings.set_properties(wanted)
        self._judge()


def _spin(most: int, value: int) -> QSpinBox:
    spin = QSpinBox()
    spin.lineEdit().setTextMargins(6, 0, 0, 0)  # which a style sheet's padding does not reach
    spin.setRange(1, most)
    spin.setGroupSeparatorShown(True)
    spin.setValue(value)
    return spin
