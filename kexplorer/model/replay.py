"""A replay as data: the plan that a person wrote, the run that was made of it once, and what became of its records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Header
from kexplorer.model.search import FilterKind
from kexplorer.model.topics import OffsetRange, TopicPartition

CHECKPOINTS = "__kx-replay-checkpoints"
"""The compacted topic on the target that holds the progress of replays between clusters: a record a job."""

JOB_HEADER, SOURCE_HEADER, COUNT_HEADER = "kx-replay-job", "kx-source", "kx-replay-count"
ERROR_HEADER, TIMESTAMP_HEADER = "kx-replay-error", "kx-replay-timestamp"  # of records in quarantine
_JOB = re.compile(r"[a-zA-Z0-9._-]{1,150}")


class Guarantee(StrEnum):
    """AT_LEAST_ONCE marks each record with where it came from, so that one that was written twice can be told.
    EXACTLY_ONCE holds for readers of committed records."""

    AT_LEAST_ONCE = "at-least-once"
    EXACTLY_ONCE = "exactly-once"


class Policy(StrEnum):
    """What becomes of a record that cannot be written as the plan says. Each is listed, none is left out silently."""

    STOP = "stop"
    QUARANTINE = "quarantine"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster: a connection by its profile's name, or brokers without encryption and login."""

    profile: str = ""
    bootstrap: str = ""


@dataclass(frozen=True, slots=True)
class ReplaySource:
    """What is read: `partitions` None are all; `start` and `end` are places as `kexplorer search --from` takes them.
    Records that `filter` does not let through are left alone. `selected`, by topic and partition, are offsets: where
    there are some, no other record is meant."""

    cluster: Place
    topics: tuple[str, ...]
    partitions: tuple[int, ...] | None = None
    start: str = "beginning"
    end: str = "end"
    filter: str = ""
    filter_kind: FilterKind = FilterKind.EXPRESSION
    selected: Mapping[TopicPartition, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReplayTarget:
    """`topics` names the target of each source topic. `settings` are the producer's, as `kexplorer produce --set`."""

    cluster: Place
    topics: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Expressions of the filter language over the source record; "" leaves that part as it is. A record for which
    `drop` holds is skipped. `fields` are paths in a JSON value and what they become, `headers` replace all of their
    name or are added; a name in `remove_headers` that ends with * stands for all that begin so. A `key`, `value` or
    header that is null becomes Kafka's null; a `timestamp` that is null becomes the time of sending."""

    drop: str = ""
    key: str = ""
    value: str = ""
    partition: str = ""
    timestamp: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    remove_headers: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return self != Rewrite()


@dataclass(frozen=True, slots=True)
class Pace:
    """At most so much a second, each None for no limit; bytes are those of keys and values. `timing` 10 is ten times as
    fast as the records came once, by their timestamps; no gap in them lasts longer than `longest_gap` seconds."""

    records: float | None = None
    bytes: float | None = None
    timing: float | None = None
    longest_gap: float = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`job` is the replay's identity: its transactional id, and what its progress is kept by. A job is run to its end
    once. `quarantine` is a topic of the target cluster. `markers` None: with at-least-once alone. A record that was
    replayed `most_attempts` times already is treated by `policy`."""

    job: str
    source: ReplaySource
    target: ReplayTarget
    rewrite: Rewrite = field(default_factory=Rewrite)
    pace: Pace = field(default_factory=Pace)
    guarantee: Guarantee = Guarantee.EXACTLY_ONCE
    policy: Policy = Policy.STOP
    quarantine: str = ""
    markers: bool | None = None
    most_attempts: int = 3
    verify: bool = True

    @property
    def marks(self) -> bool:
        return self.guarantee is Guarantee.AT_LEAST_ONCE if self.markers is None else self.markers

    @property
    def transactional_id(self) -> str:
        return f"kx-{self.job}"

    @property
    def group(self) -> str:
        return f"kx-replay-{self.job}"


def check_plan(plan: Plan) -> None:
    """Raises `Failure`(INVALID) for what the plan alone shows to be wrong; the message names its key."""
    if not _JOB.fullmatch(plan.job):
        _wrong("job", f"“{plan.job}” is no name for a job", "Use 1 to 150 of a-z, A-Z, 0-9, dot, underscore, hyphen.")
    for key, place in (("source", plan.source.cluster), ("target", plan.target.cluster)):
        if bool(place.profile) == bool(place.bootstrap):
            _wrong(key, "it names no cluster, or two", 'Write either profile = "…" or bootstrap = "host:port".')
    _check_topics(plan)
    if plan.policy is Policy.QUARANTINE and not plan.quarantine:
        _wrong("quarantine", "there is no topic for what cannot be written", "Name a topic of the target cluster.")
    if plan.guarantee is Guarantee.AT_LEAST_ONCE and plan.markers is False:
        _wrong("markers", "at-least-once needs them: duplicates are told by them", "Remove the line.")
    if plan.most_attempts < 1:
        _wrong("most_attempts", f"{plan.most_attempts} is too few", "Write 1 or more.")
    if plan.rewrite.fields and plan.rewrite.value:
        _wrong("change.fields", "it has no effect beside change.value", "Keep one of them.")
    check_pace(plan.pace)


def check_pace(pace: Pace) -> None:
    """Raises as `check_plan`."""
    for key, rate in (("records", pace.records), ("bytes", pace.bytes), ("timing", pace.timing)):
        if rate is not None and not 0 < rate < float("inf"):
            _wrong(f"pace.{key}", f"{rate} is no rate", "Write a number above 0, or remove the line.")
    if not 0 <= pace.longest_gap < float("inf"):
        _wrong("pace.longest_gap", f"{pace.longest_gap} is no time", "Write seconds, 0 or more.")


def _check_topics(plan: Plan) -> None:
    topics = plan.source.topics
    if not topics:
        _wrong("source.topics", "it is empty", 'Write topics = ["orders"].')
    if len(set(topics)) < len(topics):
        _wrong("source.topics", "it names a topic twice", "Name each once.")
    if missing := set(topics) - set(plan.target.topics):
        _wrong("target.topics", f"there is no target for {min(missing)}", f'Write {min(missing)} = "…".')
    if extra := set(plan.target.topics) - set(topics):
        _wrong("target.topics", f"{min(extra)} is no topic of the source", "Add it to source.topics, or remove it.")
    if plan.quarantine and plan.quarantine in (*topics, *plan.target.topics.values()):
        _wrong("quarantine", f"{plan.quarantine} is a topic that is replayed", "Name a topic of its own.")
    if any(number < 0 for number in plan.source.partitions or ()) or plan.source.partitions == ():
        _wrong("source.partitions", "it is no list of partitions", "Write [0, 1], or remove the line for all.")
    if strange := {each.topic for each in plan.source.selected} - set(topics):
        _wrong("source.selected", f"{min(strange)} is no topic of the source", "Add it to source.topics.")


def _wrong(key: str, what: str, hint: str) -> None:
    raise Failure(FailureKind.INVALID, f"The plan, key {key}: {what}.", hint)


@dataclass(frozen=True, slots=True)
class TargetTopic:
    """`max_bytes` is its max.message.bytes, None where that is not told; `log_append_time`: it keeps no timestamps."""

    name: str
    partitions: int
    max_bytes: int | None = None
    log_append_time: bool = False


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """A plan whose places were looked up once, so that a run that is taken up again means the same. `ranges` have
    ends. `counts`: partitions of each source topic; `targets` by source topic; `target_starts`: where the targets ended
    before the first record was written; `now` (milliseconds since 1970): what ago() counts from."""

    plan: Plan
    ranges: tuple[OffsetRange, ...]
    counts: Mapping[str, int]
    targets: Mapping[str, TargetTopic]
    target_starts: Mapping[TopicPartition, int]
    now: int
    source_cluster: str
    target_cluster: str
    topic_ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def same_cluster(self) -> bool:
        return self.source_cluster == self.target_cluster


def attempts_of(headers: Iterable[Header]) -> int:
    """How often a record with these headers was replayed already."""
    found = [value for name, value in headers if name == COUNT_HEADER and value and value[:9].isdigit()]
    return int(found[-1][:9]) if found else 0


class Counts(NamedTuple):
    """Of one source partition: `scanned` records of which the filter let `read` through; each of those was `written`,
    `quarantined` or `skipped` (dropped by the plan, or left out by its policy). `nbytes`: keys and values written."""

    scanned: int = 0
    read: int = 0
    written: int = 0
    quarantined: int = 0
    skipped: int = 0
    nbytes: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*map(int.__add__, self, other))

    @property
    def add_up(self) -> bool:
        return self.read == self.written + self.quarantined + self.skipped


def total(counts: Iterable[Counts]) -> Counts:
    whole = Counts()
    for each in counts:
        whole = whole.plus(each)
    return whole


class Reached(NamedTuple):
    """Every offset of the partition below `position` is dealt with, as `counts` tell."""

    position: int
    counts: Counts


Checkpoint = dict[TopicPartition, Reached]


@dataclass(frozen=True, slots=True)
class Exceptional:
    """A record that was not written as the plan says, and why."""

    source: TopicPartition
    offset: int
    outcome: Policy
    why: str


class ReplayState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    VERIFYING = "verifying"
    DONE = "done"
    STOPPED = "stopped"  # as it was told; the next run goes on
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Command:
    """What a running replay is told: RUNNING, PAUSED or STOPPED, and another pace than the plan's."""

    state: ReplayState = ReplayState.RUNNING
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """`rate` is records a second, `left` seconds until the end at that rate (None: nobody knows). `reached` tells each
    partition's place. `detail`: why it does not go on just now."""

    state: ReplayState
    reached: Mapping[TopicPartition, Reached]
    rate: float = 0.0
    left: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a second look at both sides found. `findings` are sentences, none where all is as it should be. `expected`
    and `found` count records of the targets; `duplicates` were written twice and are told by their markers."""

    expected: int
    found: int
    duplicates: int = 0
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What became of a run, `exceptional` in the order of partitions and offsets. `seconds` counts the last start."""

    job: str
    guarantee: Guarantee
    state: ReplayState
    reached: Mapping[TopicPartition, Reached]
    ranges: Sequence[OffsetRange]
    exceptional: Sequence[Exceptional]
    verified: Verified | None
    failure: Failure | None
    seconds: float

    @property
    def complete(self) -> bool:
        """To the end, every count adds up, and a second look (if there was one) found nothing."""
        verified = self.verified is None or not self.verified.findings
        return (
            self.state is ReplayState.DONE and verified and total(each.counts for each in self.reached.values()).add_up
        )

    def lines(self) -> tuple[str, ...]:
        """For a person."""
        whole = total(each.counts for each in self.reached.values())
        lines = [
            f"{self.job}: {self.state}, {self.guarantee}.",
            f"{whole.read:,} read = {whole.written:,} written + {whole.quarantined:,} quarantined + "
            f"{whole.skipped:,} skipped; {whole.scanned:,} scanned, {self.seconds:.1f} s.",
        ]
        if self.failure:
            lines.append(str(self.failure))
        if self.verified:
            text = f"Verified: {self.verified.found:,} of {self.verified.expected:,} records are there"
            again = f", {self.verified.duplicates:,} of them more than once" if self.verified.duplicates else ""
            lines += [f"{text}{again}.", *self.verified.findings]
        return tuple(lines)


def report_json(report: ReplayReport) -> dict[str, Any]:
    whole = total(each.counts for each in report.reached.values())
    return {
        "job": report.job,
        "guarantee": str(report.guarantee),
        "state": str(report.state),
        "complete": report.complete,
        "seconds": round(report.seconds, 3),
        "total": whole._asdict(),
        "partitions": [
            {
                "topic": each.source.topic,
                "partition": each.source.partition,
                "from": each.start,
                "to": each.end,
                "position": report.reached[each.source].position,
                **report.reached[each.source].counts._asdict(),
            }
            for each in report.ranges
            if each.source in report.reached
        ],
        "exceptional": [exceptional_json(each) for each in report.exceptional],
        "verified": asdict(report.verified) if report.verified else None,
        "failure": str(report.failure) if report.failure else None,
    }


def progress_json(progress: ReplayProgress) -> dict[str, Any]:
    return {
        "state": str(progress.state),
        "detail": progress.detail,
        "rate": round(progress.rate, 1),
        "left": progress.left and round(progress.left, 1),
        "total": total(each.counts for each in progress.reached.values())._asdict(),
        "partitions": [[*source, each.position, *each.counts] for source, each in progress.reached.items()],
    }


def progress_of(told: Mapping[str, Any]) -> ReplayProgress:
    """The progress that `progress_json` made this of."""
    reached = {
        TopicPartition(topic, partition): Reached(position, Counts(*counts))
        for topic, partition, position, *counts in told["partitions"]
    }
    return ReplayProgress(ReplayState(told["state"]), reached, told["rate"], told["left"], told["detail"])


def exceptional_json(each: Exceptional) -> dict[str, Any]:
    return {
        "topic": each.source.topic,
        "partition": each.source.partition,
        "offset": each.offset,
        "outcome": str(each.outcome),
        "why": each.why,
    }


class Journal(Protocol):
    """What a run keeps on this machine. Calls wait for the disk."""

    def note(self, found: Sequence[Exceptional]) -> None:
        """Keeps them before the transaction that they belong to is committed; those of one that never is are told
        apart by their offsets."""
        ...

    def noted(self) -> Sequence[Exceptional]: ...

    def forget(self, reached: Checkpoint) -> None:
        """Drops what was noted at or behind these positions: its transaction was not committed."""
        ...

    def save(self, reached: Checkpoint) -> None: ...

    def saved(self) -> Checkpoint: ...


class Controls(Protocol):
    """What a run is told while it goes on, and whom it tells."""

    def command(self) -> Command: ...

    def tell(self, progress: ReplayProgress) -> None: ...
