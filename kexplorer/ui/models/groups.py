"""The consumer groups of a cluster as a table: names at once, the rest as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Qt

from kexplorer.formats.numbers import count, duration
from kexplorer.model.failure import Failure
from kexplorer.model.groups import GroupListing, GroupState
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.model.verdicts import State, Verdict
from kexplorer.ui.models.rows import Column, RowsModel

NOT_SHOWN = "not shown by this client"
_PROTOCOLS = ("consumer", "")  # of those whose members commit offsets; Kafka Connect's workers do not


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What is known of a group so far. `trend`: its lag at the last looks, the oldest first. `oldest`: seconds since
    what it reads next was written."""

    listing: GroupListing
    seen: GroupLag | None = None
    failure: Failure | None = None
    verdict: Verdict | None = None
    trend: tuple[int, ...] = ()
    oldest: float | None = None

    @property
    def id(self) -> str:
        return self.listing.id

    @property
    def shown(self) -> bool:
        """Whether it commits offsets, which all numbers are about."""
        return reads(self.listing)

    @property
    def state(self) -> GroupState:
        return self.seen.group.state if self.seen else self.listing.state

    @property
    def lag(self) -> int | None:
        return self.seen.lag if self.seen else None

    @property
    def worst(self) -> Reading | None:
        """The partition with the largest lag, None where no lag is known."""
        known = [each for each in self.seen.readings if each.lag is not None] if self.seen else []
        return max(known, key=lambda each: each.lag or 0, default=None)

    @property
    def topics(self) -> int | None:
        return len({reading.source.topic for reading in self.seen.readings}) if self.seen else None

    @property
    def members(self) -> int | None:
        return len(self.seen.group.members) if self.seen else None

    @property
    def trouble(self) -> Failure | None:
        """Why something of this row is missing."""
        if self.failure or self.seen is None:
            return self.failure
        return self.seen.trouble or next((each.trouble for each in self.seen.readings if each.trouble), None)

    @property
    def words(self) -> str:
        """The verdict, or what stands in its place."""
        if not self.shown:
            return NOT_SHOWN
        if self.trouble:
            return f"not all is known: {self.trouble.kind}"
        if self.verdict and not self.verdict.judged:
            return "not judged yet"
        return "OK" if self.verdict and not self.verdict.state.severity else verdict_words(self.verdict)


def verdict_words(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return f"{verdict.state if verdict.judged else 'Not judged yet'}: {verdict.reason}"


def reads(listing: GroupListing) -> bool:
    return listing.type.commits and listing.protocol in _PROTOCOLS


def _number(row: GroupRow, number: int | None) -> str:
    return "–" if not row.shown else "" if number is None else count(number)


def _order(number: float | None) -> float:
    return -1 if number is None else number


def _severity(row: GroupRow) -> tuple[int, str]:
    return (row.verdict.state.severity if row.verdict else -1 if row.shown else -2, row.words)


def _trend(row: GroupRow) -> str:
    return f"{count(row.trend[0])} → {count(row.trend[-1])}" if len(row.trend) > 1 else ""


def _oldest(row: GroupRow) -> str:
    return "–" if not row.shown else "" if row.oldest is None else duration(max(row.oldest, 0))


COLUMNS: tuple[Column[GroupRow], ...] = (
    Column("Group", lambda r: r.id, lambda r: r.id.lower(), 25),
    Column("State", lambda r: r.state.value, lambda r: r.state.value, 10),
    Column("Type", lambda r: r.listing.type.value, lambda r: r.listing.type.value, 10, tip="Its rebalance protocol"),
    Column(
        "Protocol",
        lambda r: r.listing.protocol,
        lambda r: r.listing.protocol,
        10,
        tip="What its members are: consumers, or workers of Kafka Connect. Empty: nobody has joined it yet",
    ),
    Column("Members", lambda r: _number(r, r.members), lambda r: _order(r.members), 10, True),
    Column("Topics", lambda r: _number(r, r.topics), lambda r: _order(r.topics), 8, True, "Committed for or assigned"),
    Column(
        "Lag", lambda r: _number(r, r.lag), lambda r: _order(r.lag), 11, True, "Offsets still to read, all partitions"
    ),
    Column(
        "Time lag",
        _oldest,
        lambda r: _order(r.oldest),
        12,
        True,
        "How long ago the record was written that it reads next, in the partition with the largest lag",
    ),
    Column("Trend", _trend, lambda r: _order(r.lag), 10, tip="The lag since this list is open"),
    Column("Verdict", lambda r: r.words, _severity, 20),
)
TREND = next(number for number, column in enumerate(COLUMNS) if column.title == "Trend")


def verdict_tone(verdict: Verdict | None) -> str:
    if verdict is None or not verdict.judged:
        return "muted"
    return {State.OK: "good", State.WARN: "warn"}.get(verdict.state, "bad")


def state_tone(state: GroupState) -> str:
    return "muted" if not state.active else "text" if state is GroupState.STABLE else "warn"


def _tone(row: GroupRow, column: int) -> str:
    match COLUMNS[column].title:
        case "State":
            return state_tone(row.state)
        case "Type" | "Protocol":
            return "muted"
        case "Verdict":
            return "warn" if row.trouble and row.shown else verdict_tone(row.verdict)
    return "text" if row.shown else "muted"


class GroupsModel(RowsModel[GroupRow]):
    """What is known of a group stays until something newer is told of it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(
            COLUMNS,
            lambda r: r.id,
            lambda r: str(r.trouble or (verdict_words(r.verdict) if r.shown else r.words)),
            _tone,
            parent,
        )
        self._rows: dict[str, GroupRow] = {}
        self._unknown: set[str] = set()
        self._failed: set[str] = set()
        self._chosen = self._sort

    def set_listed(self, listed: Iterable[GroupListing]) -> None:
        self._rows = {
            each.id: replace(self._rows[each.id], listing=each) if each.id in self._rows else GroupRow(each)
            for each in listed
        }
        readable = [row for row in self._rows.values() if row.shown]
        self._failed = {row.id for row in readable if row.failure}
        self._unknown = {row.id for row in readable if row.seen is None} - self._failed
        self.set_rows(self._rows.values())

    def set_seen(
        self,
        found: Mapping[str, GroupLag | Failure],
        verdicts: Mapping[str, Verdict] | None = None,
        trends: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        """What a look brought. Without a verdict or trend the one that is known stays."""
        for name, seen in found.items():
            if (row := self._rows.get(name)) is None:
                continue
            self._unknown.discard(name)
            if isinstance(seen, Failure):
                self._rows[name] = replace(row, failure=seen)
                self._failed.add(name)
            else:
                self._failed.discard(name)
                verdict, trend = (verdicts or {}).get(name, row.verdict), (trends or {}).get(name, row.trend)
                self._rows[name] = replace(row, seen=seen, failure=None, verdict=verdict, trend=trend)
        self.set_rows(self._rows.values())

    def set_oldest(self, found: Mapping[str, float | None]) -> None:
        known = {name: self._rows[name] for name in found.keys() & self._rows.keys()}
        self._rows |= {name: replace(row, oldest=found[name]) for name, row in known.items()}
        self.set_rows(self._rows.values())

    def worst(self, names: Iterable[str]) -> dict[str, Reading]:
        """The partition with the largest lag of each of these groups, where one is known."""
        found = {name: self._rows[name].worst for name in names if name in self._rows}
        return {name: each for name, each in found.items() if each}

    @property
    def timed(self) -> bool:
        return any(row.oldest is not None for row in self._rows.values())

    def readable(self) -> list[str]:
        """Groups that commit offsets, those that are shown first and in their order."""
        return list(dict.fromkeys(row.id for row in (*self._shown, *self._rows.values()) if row.shown))

    def unknown(self) -> list[str]:
        """Those of them that were not looked at yet."""
        return list(self._unknown)

    def failed(self) -> list[str]:
        """Those of them that the last look failed for."""
        return list(self._failed)

    def set_rank(self, rank: Callable[[str], int | None]) -> None:
        """`rank` says of a name how well it fits; None: it is not shown. Greater ranks come first."""
        ranked = any(rank(name) for name in self._rows)
        self._sort = (_by_rank(rank), Qt.SortOrder.AscendingOrder) if ranked else self._chosen
        self.set_filter(lambda row: rank(row.id) is not None)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._chosen = (self.columns[column], order)
        super().sort(column, order)


def _by_rank(rank: Callable[[str], int | None]) -> Column[GroupRow]:
    return Column("", lambda r: "", lambda r: -(rank(r.id) or 0), 0)
