"""A topic's configuration: what is in force, who set it, what it means, and changing it in place."""

from __future__ import annotations

from collections.abc import Mapping

from kexplorer.model.changes import ResourceKind
from kexplorer.model.failure import Failure
from kexplorer.ui.models.configuration import ConfigurationModel
from kexplorer.ui.panels.topic_tab import TopicOf, TopicTab
from kexplorer.ui.widgets.configuration_editor import ConfigurationEditor


class ConfigurationTab(TopicTab):
    def __init__(self, topic: TopicOf) -> None:
        super().__init__(topic)
        self.model = ConfigurationModel(self)
        self.editor = ConfigurationEditor(self.model, read_only=topic.profile.read_only)
        self.editor.own_words = "that the topic itself has set"
        self.editor.apply.clicked.connect(lambda: self.tasks.start("apply", self._apply()))
        self.column.addWidget(self.editor)
        self.setFocusProxy(self.editor)
        self.editor.offer()

    def save_state(self) -> dict[str, object]:
        return self.editor.save_state()

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.editor.restore_state(state)

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("read", self._read())

    async def _read(self) -> None:
        session = await self.topic.open_session()
        found = (await session.cluster.topic_configs([self.topic.name]))[self.topic.name]
        if isinstance(found, Failure):
            raise found
        self.model.set_entries(found.values())
        self.editor.filter_rows()
        self.model.set_meanings(await session.cluster.config_documentation(self.topic.name))

    async def _apply(self) -> None:
        from kexplorer.ui.dialogs.change_dialog import make_change  # noqa: PLC0415  (a panel needs no dialog)

        session = await self.topic.open_session()
        change = self.editor.change(ResourceKind.TOPIC, self.topic.name)
        outcome = await make_change(self, session.changes, change)
        if outcome is None:
            return
        if not outcome.failures:
            self.model.discard(*change.sets, *change.resets)
        self.reload()
        for failure in outcome.failures.values():
            self.show_failure(failure)
