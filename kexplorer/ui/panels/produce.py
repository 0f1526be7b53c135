"""Writing to topics: one message, many of them, several in one transaction, and what settings give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import tzinfo

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QVBoxLayout

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure
from kexplorer.model.produce import Outgoing
from kexplorer.model.profile import Profile
from kexplorer.model.records import Record
from kexplorer.model.topics import ClusterMetadata, IsolationLevel
from kexplorer.services.jobs import Jobs
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.lazy_tabs import Entry, LazyTabs
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import produce_key
from kexplorer.ui.panels.produce_basket import BasketTab
from kexplorer.ui.panels.produce_benchmark import BenchmarkTab
from kexplorer.ui.panels.produce_compose import ComposeTab
from kexplorer.ui.panels.produce_many import ManyTab
from kexplorer.ui.panels.produce_tab import ProduceOf, ProduceTab, Templates
from kexplorer.ui.widgets.notice_strip import NoticeStrip

_COMPOSE, _MANY, _BASKET, _BENCHMARK = "message", "many", "transaction", "benchmark"  # in the saved layout
_BASKET_AT = 2  # of the tabs


class ProducePanel(Panel):
    """Its tabs are made when they are first seen. `open_session` connects when that is needed; `open_message` shows a
    message by topic, partition and offset, `open_messages` topics with an isolation level. With "" for the topic it is
    chosen in the panel."""

    def __init__(
        self,
        profile: Profile,
        topic: str,
        open_session: Callable[[], Awaitable[Session]],
        jobs: Jobs,
        templates: Templates,
        open_message: Callable[[str, int, int], None],
        open_messages: Callable[[Sequence[str], IsolationLevel], None],
    ) -> None:
        title = f"{topic}: produce" if topic else "Produce"
        super().__init__(produce_key(profile.name, topic), title, "produce", profile.name, profile.colour)
        self._open_session = open_session
        self._known: ClusterMetadata | None = None
        self._session: Session | None = None
        self._unwatch: Callable[[], None] = lambda: None
        of = ProduceOf(profile, open_session, jobs, templates, open_message, open_messages)
        entries: tuple[Entry[ProduceTab], ...] = (
            Entry(_COMPOSE, "Message", lambda: self._compose_tab(of, topic)),
            Entry(_MANY, "Many", lambda: ManyTab(of, topic)),
            Entry(_BASKET, "Transaction", lambda: self._basket_tab(of)),
            Entry(_BENCHMARK, "Benchmark", lambda: BenchmarkTab(of)),
        )
        self.notice = NoticeStrip(self)
        self.notice.show_text(str(of.refused) if of.refused else "")
        self.tabs = LazyTabs(entries, self._prepare)
        self._build()
        self._build_actions()
        self.tasks.start("topics", self._read_topics())

    def _build(self) -> None:
        self.tabs.said.connect(self.say)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice)
        column.addWidget(self.tabs)
        self.setFocusProxy(self.tabs)

    def _build_actions(self) -> None:
        self._send = QAction(icon("produce"), "Send", self, shortcut=QKeySequence("Ctrl+Return"))
        self._send.setAutoRepeat(False)
        self._send.triggered.connect(self._trigger)
        self._add = QAction(icon("plus"), "Add to transaction", self, shortcut=QKeySequence("Ctrl+Shift+Return"))
        self._add.triggered.connect(self._add_current)
        self._refresh = QAction(icon("refresh"), "Refresh the list of topics", self, shortcut=QKeySequence("Ctrl+R"))
        self._refresh.triggered.connect(lambda: self.tasks.start("topics", self._read_topics(anew=True)))

    # its tabs

    @property
    def current(self) -> ProduceTab:
        """The tab that is shown."""
        return self.tabs.current

    @property
    def compose(self) -> ComposeTab:
        tab = self.tabs.tab(_COMPOSE)
        assert isinstance(tab, ComposeTab)  # noqa: S101  (by its key)
        return tab

    @property
    def many(self) -> ManyTab:
        tab = self.tabs.tab(_MANY)
        assert isinstance(tab, ManyTab)  # noqa: S101  (by its key)
        return tab

    @property
    def basket(self) -> BasketTab:
        tab = self.tabs.tab(_BASKET)
        assert isinstance(tab, BasketTab)  # noqa: S101  (by its key)
        return tab

    @property
    def benchmark(self) -> BenchmarkTab:
        tab = self.tabs.tab(_BENCHMARK)
        assert isinstance(tab, BenchmarkTab)  # noqa: S101  (by its key)
        return tab

    def show_tab(self, key: str) -> None:
        """ "message", "many", "transaction" or "benchmark"."""
        self.tabs.show_tab(key)

    def load(self, record: Record) -> None:
        """Shows `record` to be edited and sent again: what is not edited stays as it is, byte for byte."""
        self.show_tab(_COMPOSE)
        self.compose.load(record)

    @property
    def undelivered(self) -> int:
        """How many messages are on their way: neither acknowledged nor failed."""
        return sum(tab.undelivered for tab in self.tabs.made.values())

    def why_stay(self) -> str:
        """What is lost when this is closed now, as a question's text; "" if nothing is."""
        if not any(tab.busy for tab in self.tabs.made.values()):
            return ""
        number = self.undelivered
        if not number:
            return "Messages are still being sent. Closed now, the rest of them is not."
        are = "1 message is" if number == 1 else f"{count(number)} messages are"
        return f"{are} on the way and not acknowledged yet. Closed now, nobody will know whether they arrived."

    # what it does

    def _prepare(self, tab: ProduceTab) -> None:
        if self._session:
            tab.session_opened(self._session)
        if self._known:
            tab.show_topics(self._known.topics)

    def _compose_tab(self, of: ProduceOf, topic: str) -> ComposeTab:
        tab = ComposeTab(of, topic)
        tab.basket_wanted.connect(self._add_to_basket)
        return tab

    def _basket_tab(self, of: ProduceOf) -> BasketTab:
        tab = BasketTab(of)
        tab.edit_wanted.connect(self._edit_again)
        tab.counted.connect(self._show_number)
        return tab

    def _add_current(self) -> None:
        self.compose.add_to_basket()

    def _add_to_basket(self, outgoing: Outgoing) -> None:
        self.basket.add(outgoing)
        number = len(self.basket.messages)
        self.say(f"The transaction has {count(number)} message{'' if number == 1 else 's'}.")

    def _edit_again(self, outgoing: Outgoing) -> None:
        self.show_tab(_COMPOSE)
        self.compose.edit(outgoing)

    def _trigger(self) -> None:
        match self.current:
            case ComposeTab() as compose:
                compose.send()
            case ManyTab() as many:
                many.start()
            case BasketTab() as basket:
                basket.send(commit=True)
            case BenchmarkTab() as benchmark:
                benchmark.start()

    async def _read_topics(self, *, anew: bool = False) -> None:
        session = self._session = await self._open_session()
        for tab in self.tabs.made.values():
            tab.session_opened(session)
        self._unwatch()
        self._unwatch = session.catalog.watch(self._take)
        known = None if anew else session.catalog.metadata
        self._take(known or await session.catalog.refresh())

    def _take(self, metadata: ClusterMetadata) -> None:
        self._known = metadata
        for tab in self.tabs.made.values():
            tab.show_topics(metadata.topics)

    def _show_number(self, messages: int) -> None:
        """Of the transaction, in its tab's title."""
        self.tabs.setTabText(_BASKET_AT, f"Transaction ({count(messages)})" if messages else "Transaction")

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._send, self._add, self._refresh)

    def set_zone(self, zone: tzinfo) -> None:
        self.tabs.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.current.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return self.tabs.save_state()

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.tabs.restore_state(state)
        match state.get("tabs"):
            case {"transaction": Mapping() as basket} if _BASKET not in self.tabs.made:
                self._show_number(BasketTab.count_in(basket))

    async def close_panel(self) -> None:
        self._unwatch()
        self._unwatch = lambda: None
        await self.tabs.close_tabs()
        await super().close_panel()
