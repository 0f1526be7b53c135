"""A plan of a replay as TOML that a person can read, write and share. It holds no secrets: clusters are named."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import (
    Guarantee,
    Pace,
    Place,
    Plan,
    Policy,
    ReplaySource,
    ReplayTarget,
    Rewrite,
    check_plan,
)
from kexplorer.model.search import FilterKind
from kexplorer.model.topics import TopicPartition

_LIMIT = 4 << 20  # bytes
_MOST_EDITED = 100_000  # characters of a text whose comments are kept: 1 s
_TEXTS = dict[str, str]
_MOST_SELECTED = 1_000_000  # records of a partition
_SPANS = re.compile(r"[0-9]{1,19}(-[0-9]{1,19})?(,[0-9]{1,19}(-[0-9]{1,19})?)*")
E = TypeVar("E", bound=StrEnum)

# The keys of each table: which types their values may have, and what to write.
_KEYS: dict[str, dict[str, tuple[tuple[type, ...], str]]] = {
    "": {
        "job": ((str,), 'job = "orders-1"'),
        "guarantee": ((str,), 'guarantee = "exactly-once"'),
        "policy": ((str,), 'policy = "stop"'),
        "quarantine": ((str,), 'quarantine = "orders.quarantine"'),
        "markers": ((bool,), "markers = true"),
        "most_attempts": ((int,), "most_attempts = 3"),
        "verify": ((bool,), "verify = true"),
        "source": ((dict,), "[source]"),
        "target": ((dict,), "[target]"),
        "change": ((dict,), "[change]"),
        "pace": ((dict,), "[pace]"),
    },
    "source": {
        "profile": ((str,), 'profile = "staging"'),
        "bootstrap": ((str,), 'bootstrap = "localhost:9092"'),
        "topics": ((list,), 'topics = ["orders"]'),
        "partitions": ((list,), "partitions = [0, 1]"),
        "from": ((str,), 'from = "last:1h"'),
        "to": ((str,), 'to = "end"'),
        "filter": ((str,), "filter = 'value.status == \"FAILED\"'"),
        "filter_kind": ((str,), 'filter_kind = "expression"'),
        "selected": ((list,), 'selected = [["orders", 0, 17], ["orders", 1, "3-7,9"]]'),
    },
    "target": {
        "profile": ((str,), 'profile = "staging"'),
        "bootstrap": ((str,), 'bootstrap = "localhost:9092"'),
        "topics": ((dict,), 'topics = { orders = "orders-copy" }'),
        "settings": ((dict,), '[target.settings]\n"compression.type" = "zstd"'),
    },
    "change": {
        "drop": ((str,), "drop = 'value.test == true'"),
        "key": ((str,), 'key = "value.id"'),
        "value": ((str,), 'value = "value.payload"'),
        "partition": ((str,), 'partition = "value.customer % 3"'),
        "timestamp": ((str,), 'timestamp = "null"'),
        "fields": ((dict,), '[change.fields]\n"value.card" = \'"***"\''),
        "headers": ((dict,), "[change.headers]\nreplayed = '\"yes\"'"),
        "remove_headers": ((list,), 'remove_headers = ["trace"]'),
    },
    "pace": {
        "records": ((int, float), "records = 500"),
        "bytes": ((int, float), "bytes = 1000000"),
        "timing": ((int, float), "timing = 10"),
        "longest_gap": ((int, float), "longest_gap = 60"),
    },
}
_FREE = {"target.topics", "target.settings", "change.fields", "change.headers"}  # tables with keys of a person's own


def load_plan(path: Path) -> Plan:
    """Raises `Failure` that names the line and the key. Waits for the disk."""
    return parse_plan(load_text(path), str(path))


def load_text(path: Path) -> str:
    """A plan's file as it is, whatever it says. Raises `Failure` for what is no text, or larger than a plan."""
    try:
        with path.open("rb") as file:
            content = file.read(_LIMIT + 1)
    except FileNotFoundError:
        raise Failure(FailureKind.NOT_FOUND, f"There is no file {path}.", "Check the name.") from None
    except OSError as error:
        raise Failure(FailureKind.REFUSED, f"{path} cannot be read: {error.strerror}.", "Check the name.") from None
    if len(content) > _LIMIT:
        raise Failure(FailureKind.INVALID, f"{path} is larger than {_LIMIT >> 20} MB.", "A plan is not.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Failure(FailureKind.INVALID, f"{path}, line {line}: not UTF-8.", "Save the file as UTF-8.") from None


def save_plan(path: Path, plan: Plan) -> None:
    """Replaces the file. Raises `Failure` where it cannot be written."""
    save_text(path, plan_text(plan))


def save_text(path: Path, text: str) -> None:
    """As `save_plan`, a plan as a person wrote it. Makes the folder if need be."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Failure(
            FailureKind.REFUSED, f"{path} cannot be written: {error.strerror}.", "Check the folder."
        ) from None


def parse_plan(text: str, name: str = "The plan", *, finished: bool = True) -> Plan:
    """`name` is the file's, for what is wrong with it. One that is not `finished` is only read: what it needs to be run
    may be missing. Raises as `load_plan`."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Failure(FailureKind.INVALID, f"{name}: {error}.", "Correct that line.") from None
    reader = _Reader(text, name)
    for table in _KEYS:
        reader.check(table, document if not table else document.get(table, {}))
    plan = reader.plan(document)
    try:
        if finished:
            check_plan(plan)
    except Failure as failure:
        found = re.match(r"The plan, key ([\w.]+): (.*)", failure.message, re.DOTALL)
        if not found:
            raise
        raise Failure(failure.kind, reader.where(found[1]) + f": {found[2]}", failure.hint) from None
    return plan


class _Reader:
    """Knows the text that a table was read from, and so the line of a key."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def check(self, table: str, given: Mapping[str, Any]) -> None:
        known = _KEYS[table]
        for key, value in given.items():
            full = f"{table}.{key}" if table else key
            if key not in known:
                hint = f"Use one of {', '.join(known)}."
                raise Failure(FailureKind.INVALID, f"{self.where(full)}: not a key of a plan.", hint)
            kinds, example = known[key]
            found: Any = value
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise Failure(FailureKind.INVALID, f"{self.where(full)}: {value!r} does not fit.", f"Write {example}.")
            if full in _FREE and not all(isinstance(each, str) for each in found.values()):
                raise Failure(FailureKind.INVALID, f"{self.where(full)}: not a table of texts.", f"Write {example}.")

    def plan(self, document: Mapping[str, Any]) -> Plan:
        source, target = document.get("source", {}), document.get("target", {})
        change, pace = document.get("change", {}), document.get("pace", {})
        return Plan(
            job=document.get("job", ""),
            source=ReplaySource(
                _place(source),
                tuple(self._listed("source.topics", source.get("topics", []), str)),
                tuple(self._listed("source.partitions", source["partitions"], int)) if "partitions" in source else None,
                source.get("from", "beginning"),
                source.get("to", "end"),
                source.get("filter", ""),
                self._choice("source.filter_kind", source.get("filter_kind", "expression"), FilterKind),
                self._selected(source.get("selected", [])),
            ),
            target=ReplayTarget(_place(target), dict(target.get("topics", {})), dict(target.get("settings", {}))),
            rewrite=Rewrite(
                **{key: change.get(key, "") for key in ("drop", "key", "value", "partition", "timestamp")},
                fields=dict(change.get("fields", {})),
                headers=dict(change.get("headers", {})),
                remove_headers=tuple(self._listed("change.remove_headers", change.get("remove_headers", []), str)),
            ),
            pace=Pace(pace.get("records"), pace.get("bytes"), pace.get("timing"), pace.get("longest_gap", 60.0)),
            guarantee=self._choice("guarantee", document.get("guarantee", "exactly-once"), Guarantee),
            policy=self._choice("policy", document.get("policy", "stop"), Policy),
            quarantine=document.get("quarantine", ""),
            markers=document.get("markers"),
            most_attempts=document.get("most_attempts", 3),
            verify=document.get("verify", True),
        )

    def where(self, key: str) -> str:
        """The key and its line, as far as one can be told."""
        *tables, last = key.split(".")
        start = 0
        if tables:
            header = re.search(rf"^[ \t]*\[[ \t]*{re.escape(tables[0])}\b", self._text, re.MULTILINE)
            start = header.start() if header else 0
        written = re.compile(rf"^[ \t]*(?:\[[ \t]*)?(?:[\w\"']+[ \t]*\.[ \t]*)*[\"']?{re.escape(last)}\b", re.MULTILINE)
        found = written.search(self._text, start)
        line = f", line {self._text.count(chr(10), 0, found.start()) + 1}" if found else ""
        return f"{self._name}{line}, key {key}"

    def _listed(self, key: str, given: list[Any], kind: type) -> list[Any]:
        if not all(type(each) is kind for each in given):
            example = _KEYS[key.partition(".")[0]][key.partition(".")[2]][1]
            raise Failure(FailureKind.INVALID, f"{self.where(key)}: {given!r} does not fit.", f"Write {example}.")
        return given

    def _choice(self, key: str, given: str, kind: Callable[[str], E]) -> E:
        try:
            return kind(given)
        except ValueError:
            known = ", ".join(map(str, kind))  # type: ignore[call-overload]
            text = f"{self.where(key)}: “{given}” is not known."
            raise Failure(FailureKind.INVALID, text, f"Use one of {known}.") from None

    def _selected(self, given: list[Any]) -> dict[TopicPartition, tuple[int, ...]]:
        found: dict[TopicPartition, set[int]] = {}
        for each in given:
            match each:
                case [str(topic), int(partition), int(offset)] if partition >= 0 and offset >= 0:
                    found.setdefault(TopicPartition(topic, partition), set()).add(offset)
                case [str(topic), int(partition), str(spans)] if partition >= 0 and _SPANS.fullmatch(spans):
                    offsets = found.setdefault(TopicPartition(topic, partition), set())
                    self._add_spans(offsets, spans)
                case _:
                    text = f"{self.where('source.selected')}: {each!r} is no record."
                    hint = 'Write ["topic", partition, offset] or ["topic", partition, "3-7,9"].'
                    raise Failure(FailureKind.INVALID, text, hint)
        return {source: tuple(sorted(offsets)) for source, offsets in sorted(found.items())}

    def _add_spans(self, offsets: set[int], spans: str) -> None:
        for span in spans.split(","):
            first, _, last = span.partition("-")
            start, end = int(first), int(last or first) + 1
            if not 0 < end - start <= _MOST_SELECTED - len(offsets):
                many = f"more than {_MOST_SELECTED:,} records of a partition"
                why = many if start < end else f"{span} holds no record"
                hint = "Write the smaller offset first; of very many records, use source.from and source.to."
                raise Failure(FailureKind.INVALID, f"{self.where('source.selected')}: {why}.", hint)
            offsets.update(range(start, end))


def _spans(offsets: Sequence[int]) -> int | str:
    """Sorted offsets as `_Reader` takes them: many neighbours are a few characters."""
    if len(offsets) == 1:
        return offsets[0]
    firsts = [at for before, at in pairwise((None, *offsets)) if at is not None and at - 1 != before]
    lasts = [at for at, behind in pairwise((*offsets, None)) if at is not None and at + 1 != behind]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(firsts, lasts, strict=True))


def _place(table: Mapping[str, Any]) -> Place:
    return Place(table.get("profile", ""), table.get("bootstrap", ""))


def plan_text(plan: Plan) -> str:
    """What `parse_plan` makes the same plan of. What is as by default is left out."""
    import tomlkit  # noqa: PLC0415  (slow to import, and a run only reads)

    document = tomlkit.document()
    document.add(tomlkit.comment("A replay of Kafka Explorer: kexplorer replay THIS-FILE --dry-run"))
    value: Any
    for key, value in _tables(plan).items():
        if not isinstance(value, dict):
            document[key] = value
            continue
        table = tomlkit.table()
        for inner, each in value.items():
            table[inner] = each
        document[key] = table
    return tomlkit.dumps(document)


def edited_text(text: str, before: Plan, after: Plan) -> str:
    """`text`, which says `before`, so that it says `after`: comments and what did not change stay. Beyond some size,
    where nobody has written in it yet, or where it is written in a way that cannot be kept, it is written anew."""
    import tomlkit  # noqa: PLC0415  (slow to import, and a run only reads)

    new = plan_text(after)
    if before == after:
        return text
    if text == plan_text(before) or max(len(text), len(new)) > _MOST_EDITED:
        return new
    try:
        document = tomlkit.parse(text)
        _edit(document, _tables(before), _tables(after))
        edited = tomlkit.dumps(document)
        return edited if parse_plan(edited, finished=False) == after else new
    except (tomlkit.exceptions.TOMLKitError, Failure, LookupError):
        return new


def _edit(table: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for key, value in after.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            _edit(table[key], before.get(key, {}), value)
        elif before.get(key) != value:
            table[key] = value
    for key in before.keys() - after.keys():
        table.pop(key, None)


def _tables(plan: Plan) -> dict[str, Any]:
    source, rewrite, pace = plan.source, plan.rewrite, plan.pace
    default = Plan("", ReplaySource(Place(), ()), ReplayTarget(Place(), {}))
    plain: dict[str, Any] = {
        "job": plan.job,
        "guarantee": str(plan.guarantee),
        "policy": str(plan.policy),
        "quarantine": plan.quarantine,
        "markers": plan.markers,
        "most_attempts": plan.most_attempts if plan.most_attempts != default.most_attempts else None,
        "verify": None if plan.verify else False,
    }
    tables: dict[str, dict[str, Any]] = {
        "source": {
            **_of_place(source.cluster),
            "topics": list(source.topics),
            "partitions": None if source.partitions is None else list(source.partitions),
            "from": source.start,
            "to": source.end,
            "filter": source.filter,
            "filter_kind": str(source.filter_kind) if source.filter else None,
            "selected": [[*where, _spans(offsets)] for where, offsets in source.selected.items() if offsets],
        },
        "target": {
            **_of_place(plan.target.cluster),
            "topics": dict(plan.target.topics),
            "settings": dict(plan.target.settings),
        },
        "change": {
            **{key: getattr(rewrite, key) for key in ("drop", "key", "value", "partition", "timestamp")},
            "remove_headers": list(rewrite.remove_headers),
            "fields": dict(rewrite.fields),
            "headers": dict(rewrite.headers),
        },
        "pace": {
            "records": pace.records,
            "bytes": pace.bytes,
            "timing": pace.timing,
            "longest_gap": pace.longest_gap if pace.longest_gap != default.pace.longest_gap else None,
        },
    }
    kept = {name: {k: v for k, v in table.items() if _said(v)} for name, table in tables.items()}
    return {k: v for k, v in plain.items() if _said(v)} | {name: table for name, table in kept.items() if table}


def _said(value: Any) -> bool:
    return value is not None and value not in ("", [], {})


def _of_place(place: Place) -> _TEXTS:
    return {"profile": place.profile, "bootstrap": place.bootstrap}
