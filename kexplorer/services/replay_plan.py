"""What a replay would do, before it does anything: its places looked up once, its records counted as far as the log
tells, some of them as they are and as they would become, and what cannot be kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kexplorer.formats.filters import Matches, compile_filter
from kexplorer.formats.partitioning import partition_for
from kexplorer.formats.rewriting import Made, Rewriter
from kexplorer.model.cluster import Cluster, ConfigEntry
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import ProducerSettings, refuse_writing
from kexplorer.model.profile import Profile, SecurityProtocol
from kexplorer.model.records import Record
from kexplorer.model.replay import (
    COUNT_HEADER,
    Guarantee,
    Place,
    Plan,
    Policy,
    ReplayRun,
    TargetTopic,
    attempts_of,
    check_plan,
)
from kexplorer.model.search import FilterSpec
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.browser import partitions_of
from kexplorer.services.ranges import parse_place, resolve

SAMPLES = 20  # records shown, of all partitions alike; of each trouble its first one as well
LOOKED_AT = 5_000  # records that a dry run reads, unless it is to read all
_SECONDS = 15.0  # that it reads for
_KEPT_FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class Sample:
    """A record and what the plan makes of it: None, dropped. `partition` is that of the target. `trouble`: why it
    cannot be written as planned."""

    record: Record
    made: Made | None
    partition: int | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Of one source partition: `span` offsets are meant, gaps included. Of `looked_at` records the filter let `read`
    through, with `nbytes` of keys and values."""

    range: OffsetRange
    span: int
    looked_at: int = 0
    read: int = 0
    nbytes: int = 0

    @property
    def records(self) -> int:
        """As many as there are about, by those that were looked at."""
        return round(self.span * self.read / self.looked_at) if self.looked_at else self.span

    @property
    def bytes(self) -> int:
        return round(self.records * self.nbytes / self.read) if self.read else 0


@dataclass(slots=True)
class DryRun:
    """`order` says in a sentence for each topic which order is kept. `warnings` are what will not be as it was;
    `whole`: every record was looked at, so that counts are exact and nothing comes as a surprise."""

    run: ReplayRun
    parts: tuple[Part, ...] = ()
    samples: tuple[Sample, ...] = ()
    order: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    whole: bool = False

    def lines(self) -> list[str]:
        """For a person."""
        plan = self.run.plan
        about = "" if self.whole else "about "
        records, nbytes = sum(p.records for p in self.parts), sum(p.bytes for p in self.parts)
        return [
            f"{plan.job}: {about}{records:,} records, {about}{nbytes:,} bytes of keys and values, {plan.guarantee}.",
            *(f"  {p.range.source.topic}, partition {p.range.source.partition}: offsets {p.range.start:,} to "
              f"{p.range.end:,}, {about}{p.records:,} records, {about}{p.bytes:,} bytes" for p in self.parts if p.span),
            *self.order,
            *(f"Note: {each}" for each in self.warnings),
        ]  # fmt: skip


def place_of(profile: Profile) -> Place:
    """A cluster that an address tells all of is named by it: a profile may be known to one window alone."""
    plain = profile.security_protocol is SecurityProtocol.PLAINTEXT and not profile.properties
    return Place(bootstrap=profile.bootstrap) if plain else Place(profile=profile.name)


async def resolve_plan(plan: Plan, source: Cluster, target: Cluster, now: int | None = None) -> ReplayRun:
    """Looks places, partitions and settings up. Raises `Failure` for a plan that cannot keep its promise, with the
    reason."""
    check_plan(plan)
    refuse_writing(target.profile)
    target.check_settings(ProducerSettings(plan.target.settings))
    now = time.time_ns() // 1_000_000 if now is None else now
    names = {*plan.target.topics.values(), *([plan.quarantine] if plan.quarantine else [])}
    seen, there, ids, target_ids = await asyncio.gather(
        source.metadata(), target.metadata(), source.topic_ids(plan.source.topics), target.topic_ids(names)
    )
    if not seen.cluster_id or not there.cluster_id:
        text = "A cluster does not tell its id, so nobody can say whether the replay would feed itself."
        raise Failure(FailureKind.UNSUPPORTED, text, "Its brokers are too old for a replay.")
    for name in names - {topic.name for topic in there.topics}:
        if isinstance(told := target_ids.get(name), Failure) and told.kind is FailureKind.AUTHORIZATION:
            raise told
        raise Failure(FailureKind.NOT_FOUND, f"The target has no topic {name}.", "Make it first; a replay makes none.")
    _refuse_loops(plan, seen.cluster_id == there.cluster_id, ids, target_ids)
    targets = await _targets(plan, target, {t.name: len(t.partitions) for t in there.topics})
    sources = [s for s in await partitions_of(source, list(plan.source.topics)) if _meant(plan, s)]
    if absent := set(plan.source.partitions or ()) - {s.partition for s in sources}:
        raise Failure(FailureKind.NOT_FOUND, f"No topic of the source has a partition {min(absent)}.", "Correct it.")
    start, end = parse_place(plan.source.start), parse_place(plan.source.end)
    found = await resolve(source, sources, start, end, IsolationLevel.READ_COMMITTED, now)
    if found.troubles:
        raise found.troubles[0].failure
    ends = await _ends(target, targets.values())
    return ReplayRun(
        plan,
        tuple(_narrowed(plan, each) for each in found.ranges),
        {t.name: len(t.partitions) for t in seen.topics if t.name in plan.source.topics},
        targets,
        ends,
        now,
        seen.cluster_id,
        there.cluster_id,
        {name: each for name, each in ids.items() if isinstance(each, str)},
    )


async def check_resumable(run: ReplayRun, source: Cluster) -> None:
    """Raises `Failure` where a source topic is not the one any more that the run was made for."""
    ids = await source.topic_ids(run.topic_ids)
    for topic, known in run.topic_ids.items():
        if isinstance(found := ids[topic], Failure):
            raise found
        if found is not None and found != known:
            text = f"{topic} was deleted and made anew since the replay {run.plan.job} began."
            raise Failure(FailureKind.REFUSED, text, "Give the plan another job name to replay the new topic.")


def _meant(plan: Plan, source: TopicPartition) -> bool:
    if plan.source.selected:
        return source in plan.source.selected
    return plan.source.partitions is None or source.partition in plan.source.partitions


def _narrowed(plan: Plan, each: OffsetRange) -> OffsetRange:
    """No further than the selected records are."""
    if not (offsets := plan.source.selected.get(each.source)):
        return each
    end = each.end or 0
    return OffsetRange(each.source, min(max(each.start, offsets[0]), end), min(end, offsets[-1] + 1))


def _refuse_loops(
    plan: Plan, same: bool, ids: Mapping[str, str | Failure | None], targets: Mapping[str, str | Failure | None]
) -> None:
    """By cluster and topic id: a name says nothing, one cluster may be known by two addresses."""
    for each in (*ids.values(), *targets.values()):
        if isinstance(each, Failure):
            raise each
    for topic in {*plan.target.topics.values(), plan.quarantine} - {""}:
        if same and (topic in plan.source.topics or (targets[topic] and targets[topic] in ids.values())):
            text = f"{topic} is a source and a target of this replay, which would feed itself."
            raise Failure(FailureKind.REFUSED, text, "Choose another target topic.")


async def _targets(plan: Plan, target: Cluster, counts: Mapping[str, int]) -> dict[str, TargetTopic]:
    """By source topic, the quarantine by its own name."""
    wanted = {**plan.target.topics, **({plan.quarantine: plan.quarantine} if plan.quarantine else {})}
    configs = await target.topic_configs(set(wanted.values()))
    return {topic: _target(name, counts[name], configs[name]) for topic, name in wanted.items()}


def _target(name: str, partitions: int, config: Mapping[str, ConfigEntry] | Failure) -> TargetTopic:
    """Who may not read its configuration may still be allowed to write."""
    if isinstance(config, Failure):
        return TargetTopic(name, partitions)
    most = _number(config, "max.message.bytes")
    entry = config.get("message.timestamp.type")
    return TargetTopic(name, partitions, most, entry is not None and entry.value == "LogAppendTime")


def _number(config: Mapping[str, ConfigEntry], name: str) -> int | None:
    entry = config.get(name)
    try:
        return int(entry.value) if entry and entry.value else None
    except ValueError:
        return None


async def _ends(target: Cluster, topics: Iterable[TargetTopic]) -> dict[TopicPartition, int]:
    wanted = [TopicPartition(each.name, number) for each in set(topics) for number in range(each.partitions)]
    found = await target.list_offsets(dict.fromkeys(wanted, Edge.END))
    if failure := next((each for each in found.values() if isinstance(each, Failure)), None):
        raise failure
    return {where: at for where, at in found.items() if isinstance(at, int)}


async def dry_run(
    run: ReplayRun,
    source: Cluster,
    target: Cluster,
    *,
    whole: bool = False,
    tell: Callable[[int], None] = lambda _: None,
) -> DryRun:
    """Reads some records of each partition, or all of them, and tells how many it has looked at. Raises `Failure` where
    one of them ends the run by the plan's policy."""
    names = sorted({each.name for each in run.targets.values()})
    configs = await target.topic_configs(names)
    meant = max(sum(1 for r in run.ranges if r.start < (r.end or 0)), 1)
    look = _Look(run, {n: {} if isinstance(c, Failure) else c for n, c in configs.items()}, max(SAMPLES // meant, 1))
    share = max(LOOKED_AT // meant, 1)
    ranges = [r if whole else OffsetRange(r.source, r.start, min(r.start + share, r.end or 0)) for r in run.ranges]
    try:
        async with asyncio.timeout(None if whole else _SECONDS):
            async with source.open_reader(ranges, IsolationLevel.READ_COMMITTED) as reader:
                while (batch := await reader.next_batch()) is not None:
                    if batch.troubles:
                        raise batch.troubles[0].failure
                    for number, record in enumerate(batch.records):
                        look.take(record)
                        if number % 100 == 0:
                            await asyncio.sleep(0)
                    tell(sum(looked_at for looked_at, _, _ in look.counts.values()))
    except TimeoutError:
        pass  # what was seen by now is what is told
    if run.plan.policy is Policy.STOP and look.troubles:
        why, (count, record) = next(iter(look.troubles.items()))
        where = f"{record.topic}, partition {record.partition}, offset {record.offset}"
        text = f"The replay would stop at {where}: {why} ({count:,} of the records looked at)."
        raise Failure(FailureKind.REFUSED, text, 'Set policy = "quarantine" or "skip", or filter them out.')
    parts = tuple(
        Part(r, (r.end or 0) - r.start, *look.counts.get(r.source, (0, 0, 0))) for r in run.ranges
    )  # fmt: skip
    every = whole or all(a == b for a, b in zip(ranges, run.ranges, strict=True))
    return DryRun(run, parts, tuple(look.samples), _order(run), look.warnings(), every)


@dataclass(slots=True)
class _Look:
    run: ReplayRun
    configs: Mapping[str, Mapping[str, ConfigEntry]]
    share: int  # of the samples, for each partition
    samples: list[Sample] = field(default_factory=list)
    counts: dict[TopicPartition, tuple[int, int, int]] = field(default_factory=dict)
    troubles: dict[str, tuple[int, Record]] = field(default_factory=dict)
    notes: dict[str, tuple[int, Record]] = field(default_factory=dict)
    _rewriters: dict[str, Rewriter] = field(default_factory=dict)
    _filters: dict[str, Matches] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        looked_at, read, nbytes = self.counts.get(record.source, (0, 0, 0))
        wanted = self._wanted(record)
        size = len(record.key or b"") + len(record.value or b"")
        self.counts[record.source] = (looked_at + 1, read + wanted, nbytes + size * wanted)
        if not wanted:
            return
        made, why = self._made(record)
        partition = _partition(self.run, record, made) if made else None
        shown = read < self.share and len(self.samples) < SAMPLES + len(self.troubles)
        if shown or (why and why not in self.troubles and len(self.samples) < 2 * SAMPLES):
            self.samples.append(Sample(record, made, partition, why))
        if why:
            self._count(self.troubles, why, record)
        elif made:
            for each in self._not_kept(record, made):
                self._count(self.notes, each, record)

    def warnings(self) -> tuple[str, ...]:
        told = [
            f"{text}: {count:,} of the records looked at, the first is {r.topic}, partition {r.partition}, offset "
            f"{r.offset}."
            for found in (self.troubles, self.notes)
            for text, (count, r) in found.items()
        ]
        timeless = sorted({each.name for each in self.run.targets.values() if each.log_append_time})
        told += [f"{name} has LogAppendTime: timestamps are not kept." for name in timeless]
        if self.run.plan.guarantee is Guarantee.EXACTLY_ONCE:
            told.append("Exactly once is what readers with isolation.level=read_committed see.")
        else:
            told.append("Behind a crash some records may be written twice, with the same header kx-source.")
        return tuple(told)

    def _count(self, found: dict[str, tuple[int, Record]], text: str, record: Record) -> None:
        count, first = found.get(text, (0, record))
        found[text] = (count + 1, first)

    def _wanted(self, r: Record) -> bool:
        source = self.run.plan.source
        if source.selected and r.offset not in source.selected.get(r.source, ()):
            return False
        if r.topic not in self._filters:
            spec = FilterSpec(source.filter, source.filter_kind)
            self._filters[r.topic] = compile_filter(spec, topic=r.topic, now=self.run.now).matches
        return bool(self._filters[r.topic](r.key, r.value, r.headers, r.partition, r.offset, r.timestamp))

    def _made(self, record: Record) -> tuple[Made | None, str]:
        """What the plan makes of it, and why it cannot be written."""
        if record.headers is None:
            return None, "The name of a header is not UTF-8, which the client cannot read"
        if attempts_of(record.headers) >= self.run.plan.most_attempts:
            return None, f"It was replayed {self.run.plan.most_attempts} times already (its header {COUNT_HEADER})"
        if record.topic not in self._rewriters:
            self._rewriters[record.topic] = Rewriter(self.run.plan.rewrite, record.topic, self.run.now)
        try:
            made = self._rewriters[record.topic](record)
        except Failure as failure:
            return None, failure.message.rstrip(".")
        if made and not made.timestamp and not (made.timestamp is None and self.run.plan.rewrite.timestamp):
            return made, "The timestamp is 0 (1970-01-01) or not there, which the client cannot send"
        target = self.run.targets[record.topic]
        if made and made.partition is not None and made.partition >= target.partitions:
            return made, f"change.partition makes a partition that {target.name} has not"
        return made, ""

    def _not_kept(self, record: Record, made: Made) -> list[str]:
        target = self.run.targets[record.topic]
        config = self.configs.get(target.name, {})
        size = len(made.key or b"") + len(made.value or b"")
        found = []
        if target.max_bytes and size > target.max_bytes:
            found.append(f"Larger than max.message.bytes of {target.name} unless it is compressed")
        policies = (config["cleanup.policy"].value or "") if "cleanup.policy" in config else ""
        if "compact" in policies and made.key is None:
            found.append(f"No key, which the compacted topic {target.name} refuses")
        elif "compact" in policies and made.value is None:
            found.append(f"A tombstone, which deletes its key from the compacted topic {target.name}")
        if made.timestamp is not None and not target.log_append_time:
            found += self._too_old(made.timestamp, target.name, config, deletes="delete" in policies)
        return found

    def _too_old(self, timestamp: int, name: str, config: Mapping[str, ConfigEntry], *, deletes: bool) -> list[str]:
        age = self.run.now - timestamp
        kept = _number(config, "retention.ms")
        before, after = (_number(config, f"message.timestamp.{each}.max.ms") for each in ("before", "after"))
        found = []
        if deletes and kept is not None and kept != _KEPT_FOR_EVER and age > kept:
            found.append(f"Older than retention.ms of {name}, which deletes it as soon as its segment is closed")
        if before is not None and age > before:
            found.append(f"Older than message.timestamp.before.max.ms of {name} allows")
        if after is not None and -age > after:
            found.append(f"Further in the future than message.timestamp.after.max.ms of {name} allows")
        return found


def _partition(run: ReplayRun, record: Record, made: Made) -> int:
    target = run.targets[record.topic]
    if made.partition is not None:
        return made.partition
    if target.partitions == run.counts[record.topic]:
        return record.partition
    if made.key is None:
        return record.partition % target.partitions
    return partition_for(made.key, target.partitions)


def _order(run: ReplayRun) -> tuple[str, ...]:
    names = list(run.plan.target.topics.values())
    lines = []
    for topic in run.plan.source.topics:
        target = run.targets[topic]
        if run.plan.rewrite.partition:
            text = (
                "partitions are chosen by change.partition; records that go from one partition to one keep their order"
            )
        elif target.partitions == run.counts[topic]:
            text = "each record keeps its partition, and each partition its order"
        else:
            text = (
                f"{run.counts[topic]} partitions become {target.partitions}; the order of each key is kept if all "
                "of its records are in one partition, and keys are placed as Java's clients do (murmur2)"
            )
        if names.count(target.name) > 1:
            text += f"; other topics go to {target.name}, too, mixed with these"
        lines.append(f"{topic} to {target.name}: {text}.")
    return tuple(lines)
