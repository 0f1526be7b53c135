"""Renders every view of the program on the running demo to PNG files: the tour, and the pictures of the README."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QWidget

from kexplorer.demo.life import FIRST_ORDER
from kexplorer.demo.payloads import order_id
from kexplorer.explorer import DEMO, Explorer
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.model.produce import Outgoing
from kexplorer.model.replay import Place, Plan, ReplaySource, ReplayTarget, Rewrite
from kexplorer.model.search import FilterKind, FilterSpec
from kexplorer.services.catalog import TopicOffsets
from kexplorer.ui.panels.access import AccessPanel
from kexplorer.ui.panels.alerts import AlertsPanel
from kexplorer.ui.panels.audit import AuditPanel
from kexplorer.ui.panels.config_check import ConfigCheckPanel
from kexplorer.ui.panels.correlation import CorrelationPanel
from kexplorer.ui.panels.dead_letters import DeadLettersPanel
from kexplorer.ui.panels.doctor import DoctorPanel
from kexplorer.ui.panels.entity import EntityPanel
from kexplorer.ui.panels.group import GroupPanel
from kexplorer.ui.panels.groups import GroupsPanel
from kexplorer.ui.panels.keys import (
    access_key,
    alerts_key,
    audit_key,
    config_check_key,
    consumer_key,
    correlation_key,
    dead_letters_key,
    doctor_key,
    entity_key,
    group_key,
    groups_key,
    lag_key,
    latest_key,
    messages_key,
    overview_key,
    plan_key,
    produce_key,
    replays_key,
    topic_key,
    topics_key,
)
from kexplorer.ui.panels.lag import LagPanel
from kexplorer.ui.panels.latest import LatestPanel
from kexplorer.ui.panels.messages import MessagesPanel
from kexplorer.ui.panels.overview import OverviewPanel
from kexplorer.ui.panels.produce import ProducePanel
from kexplorer.ui.panels.replay_plan import PlanPanel
from kexplorer.ui.panels.replays import ReplaysPanel
from kexplorer.ui.panels.topic import TopicPanel
from kexplorer.ui.panels.topic_statistics import StatisticsTab
from kexplorer.ui.panels.topics import TopicsPanel
from kexplorer.ui.panels.trial_consumer import TrialConsumerPanel
from kexplorer.ui.widgets.value_pane import Mode

_PATIENCE = 60.0  # seconds for a view to fill
_FULL = 120  # records that make a full picture, some of them live
_LOOKS = 4.0  # seconds in which a tab has looked at least twice at what it shows
_SEEN = 8.0  # seconds in which lag was looked at a few times, so that it has a course
_SETTLE = 0.3  # seconds for layouts and the last repaint
_DEFAULT, _WIDE = QSize(1280, 800), QSize(1920, 1080)

T = TypeVar("T")


class Tour:
    """`folder` is where the pictures go; their paths are printed."""

    def __init__(self, explorer: Explorer, folder: Path) -> None:
        self._explorer = explorer
        self._window = explorer.window
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def take(self) -> None:
        await self._both("welcome")
        self._explorer.open_demo()
        messages = await _until(lambda: self._panel(MessagesPanel))
        await _until(lambda: messages.received > _FULL)
        messages.select_newest()
        await self._both("messages")
        topics = self._open(TopicsPanel, topics_key(DEMO))
        await _until(lambda: all(_filled(row.offsets) for row in topics.rows()))
        await self._both("topics")
        await self._dialog("create-topic", topics.actions_on.create.trigger)
        await self._cluster()
        await self._events()
        letters = self._open(MessagesPanel, messages_key(DEMO, "orders-dlq"))
        await _until(lambda: letters.rows)
        letters.select_newest()
        letters.inspector.tabs.setCurrentIndex(2)
        await self._both("headers")
        orders = self._open(MessagesPanel, messages_key(DEMO, "orders"))
        spec = FilterSpec('value.currency == "EUR" and value.total > 100', FilterKind.EXPRESSION)
        orders.show_query(spec)
        orders.search(spec)
        await _until(lambda: "scanned." in orders.searching.coverage.text)
        orders.view.select(0)
        await self._both("search")
        orders.searching.query.closed.emit()
        for field in ("value.currency", "value.total"):
            orders.view.add_column(field)
        orders.restore_state({**orders.save_state(), "histogram": True})
        await _until(lambda: orders.times.complete)
        await _until(lambda: orders.browsed is not None and orders.browsed[orders.rows - 1])
        orders.select_newest()
        orders.inspector.value.choose(Mode.TREE)
        await self._both("fields")
        await self._dialog("export", orders.export)
        self._window.toggle_log()
        await self._both("log")
        self._window.toggle_log()
        await self._dialog("palette", self._window.show_palette)
        await self._dialog("connection", self._explorer.new_connection)
        await self._dialog("shortcuts", self._window.show_shortcuts)

    async def _cluster(self) -> None:
        """What is administered, and a message to send."""
        overview = self._open(OverviewPanel, overview_key(DEMO))
        await _until(overview.brokers.rowCount)
        await self._both("overview")
        topic = self._open(TopicPanel, topic_key(DEMO, "orders"))
        await asyncio.sleep(_LOOKS)
        await self._both("partitions")
        topic.show_tab("configuration")
        await asyncio.sleep(_LOOKS)
        await self._both("configuration")
        topic.show_tab("consumers")
        await asyncio.sleep(_LOOKS)
        await self._both("consumers")
        topic.show_tab("schema")
        await asyncio.sleep(_SETTLE)
        await self._both("schema")
        topic.show_tab("statistics")
        statistics = topic.current
        if isinstance(statistics, StatisticsTab):
            statistics.start.click()
            await _until(lambda: not statistics.tasks.running("count"))
        await self._both("statistics")
        produce = self._open(ProducePanel, produce_key(DEMO, "orders"))
        produce.compose.editor.show_outgoing(Outgoing("orders", b"C-4711", b'{"total": 12.5, "currency": "EUR"}'))
        await self._both("produce")
        for tab in ("many", "transaction", "benchmark"):
            produce.show_tab(tab)
            await self._both(f"produce-{tab}")
        await self._groups()
        access = self._open(AccessPanel, access_key(DEMO))
        await _until(lambda: not access.current.tasks.running("read"))
        await self._both("access")
        self._open(AlertsPanel, alerts_key())
        await self._both("alerts")
        self._open(AuditPanel, audit_key())
        await self._both("audit")
        check = self._open(ConfigCheckPanel, config_check_key())
        check.empty.action_requested.emit()
        await _until(lambda: check.checked)
        await self._both("config-check")

    async def _groups(self) -> None:
        groups = self._open(GroupsPanel, groups_key(DEMO))
        await _until(groups.model.rowCount)
        await asyncio.sleep(_SEEN)
        await self._both("groups")
        group = self._open(GroupPanel, group_key(DEMO, "search-indexer"))
        await asyncio.sleep(_SEEN)
        await self._both("group")
        group.show_tab("rebalances")
        await asyncio.sleep(_LOOKS)
        await self._both("rebalances")
        await self._dialog("reset", group.actions_on.reset.trigger, _LOOKS)
        self._open(LagPanel, lag_key(DEMO))
        await asyncio.sleep(_SEEN)
        await self._both("lag")
        doctor = self._open(DoctorPanel, doctor_key(DEMO, "group:email-sender"))
        await _until(lambda: not doctor.tasks.running("examine"))
        await self._both("doctor")

    async def _events(self) -> None:
        """What events tell of an entity, of its way through topics, and how they are sent once more."""
        key = order_id(FIRST_ORDER + 7)
        entity = self._open(EntityPanel, entity_key(DEMO, "order-events"))
        entity.bar.show_fold(FoldSpec(FoldKind.MERGE))
        entity.open(key.encode())
        await _until(lambda: not entity.tasks.running("rebuild") and "life" in vars(entity))
        await self._both("entity")
        latest = self._open(LatestPanel, latest_key(DEMO, "inventory"))
        latest.build()
        await _until(lambda: not latest.tasks.running("build"))
        await asyncio.sleep(_SETTLE)
        latest.view.rows.setCurrentIndex(latest.view.rows.model().index(0, 0))
        await self._both("latest")
        correlation = self._open(
            CorrelationPanel, correlation_key(DEMO, "orders", "order-events", "payments", "notifications")
        )
        correlation.follow(key)
        await _until(lambda: len(correlation.steps) > 1 and not correlation.tasks.running("follow"))
        correlation.table.selectRow(1)
        await self._both("correlation")
        dead = self._open(DeadLettersPanel, dead_letters_key(DEMO, "orders-dlq"))
        await _until(lambda: not dead.tasks.running("read"))
        await self._both("dead-letters")
        await self._replay()
        trial = self._open(TrialConsumerPanel, consumer_key(DEMO, "topic:orders"))
        await _until(trial.start.isEnabled)
        trial.start.trigger()
        await asyncio.sleep(_SEEN)
        await self._both("test-consumer")
        self._window.workspace.close_panel(trial)

    async def _replay(self) -> None:
        plan = self._open(PlanPanel, plan_key(DEMO))
        place = Place(bootstrap=profile.bootstrap) if (profile := self._explorer.profile(DEMO)) else Place()
        source = ReplaySource(place, ("orders",), filter='value.currency == "EUR"')
        change = Rewrite(fields={"value.customer.email": '"***"'}, headers={"replayed": '"yes"'})
        plan.show_plan(Plan("orders-without-emails", source, ReplayTarget(place, {"orders": "audit"}), change))
        await self._both("replay-plan")
        plan.look()
        await _until(lambda: plan.can_start or plan.strip.failure)
        await self._both("replay-dry-run")
        self._open(ReplaysPanel, replays_key(DEMO))
        await self._both("replays")

    async def _dialog(self, name: str, show: Callable[[], None], fills: float = 0.0) -> None:
        """`fills`: seconds that it takes to have read what it shows."""
        show()
        dialog = await _until(self._shown_dialog)
        await asyncio.sleep(fills)
        await self._both(name, dialog)
        dialog.close()

    def _shown_dialog(self) -> QDialog | None:
        return next((each for each in self._window.findChildren(QDialog) if each.isVisible()), None)

    def _open(self, kind: type[T], key: str) -> T:
        panel = self._window.workspace.open(key)
        if not isinstance(panel, kind):
            raise LookupError(f"there is no panel {key}")
        return panel

    def _panel(self, kind: type[T]) -> T | None:
        current = self._window.workspace.current()
        return current if isinstance(current, kind) else None

    async def _both(self, name: str, dialog: QDialog | None = None) -> None:
        """The view in both themes; the whole window in the default size and on a large screen."""
        for theme in ("light", "dark"):
            self._window.set_theme(theme)
            if dialog is not None:
                await self._save(dialog, f"{name}-{theme}")
                continue
            for size, suffix in ((_DEFAULT, ""), (_WIDE, "-1920")):
                self._window.resize(size)
                await self._save(self._window, f"{name}-{theme}{suffix}")
        self._window.resize(_DEFAULT)

    async def _save(self, widget: QWidget, name: str) -> None:
        await asyncio.sleep(_SETTLE)
        path = self._folder / f"{name}.png"
        if not widget.grab().save(str(path)):
            raise OSError(f"{path} cannot be written")
        print(path)  # noqa: T201


async def _until(found: Callable[[], T | None]) -> T:
    """What `found` returns as soon as it is true."""
    limit = time.monotonic() + _PATIENCE
    while not (answer := found()):
        if time.monotonic() > limit:
            raise TimeoutError("the demo did not fill the view")
        await asyncio.sleep(0.05)
    return answer


def _filled(offsets: TopicOffsets | None) -> bool:
    return offsets is not None and offsets.span > 0 and offsets.rate is not None
