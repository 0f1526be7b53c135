"""What producer settings give on a cluster: each sends the same records for a while, one after the other."""

from __future__ import annotations

import random
import sys
import uuid
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kexplorer.formats.numbers import count, duration, rate
from kexplorer.model.batches import Batches
from kexplorer.model.changes import CreateTopic, DeleteTopics
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Outgoing, ProducerSettings, RowBatch, Rows
from kexplorer.services.changes import Changes
from kexplorer.services.jobs import Job, Jobs
from kexplorer.services.producing import Outcome, Production
from kexplorer.services.send_pace import Limits, Progress

PREFIX = "kexplorer-benchmark-"
_POOL_BYTES = 8_000_000  # of records that are made before the first is sent, and sent again and again
_POOL_RECORDS = 10_000
_AT_ONCE = 10  # times as many rows as are asked for: they are there, and each answer costs the start of a thread
_TURN, _USUAL_TURN = 0.001, sys.getswitchinterval()  # seconds
_HOUR = "3600000"  # ms, that records are kept if nobody deletes the topic


@dataclass(frozen=True, slots=True)
class Load:
    """Records with JSON of `size` bytes as their value, and one of `keys` keys: null where that is 0. Each
    configuration is sent with for `seconds`, at most at `rate` messages a second."""

    size: int = 1000
    keys: int = 1000
    seconds: float = 10.0
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    name: str
    settings: ProducerSettings


@dataclass(frozen=True, slots=True)
class Result:
    """What one configuration gave. `batches` None: nothing was sent, or the client told nothing. `failure` is what
    ended it, or what became of the first record that was not acknowledged."""

    name: str
    compression: str
    progress: Progress | None = None
    batches: Batches | None = None
    failure: Failure | None = None

    @property
    def rate(self) -> float:
        """Acknowledged messages a second."""
        return self.progress.rate if self.progress else 0.0

    @property
    def byte_rate(self) -> float:
        """Bytes of keys and values that were acknowledged a second."""
        if not self.progress or not self.progress.sent:
            return 0.0
        return self.rate * self.progress.nbytes / self.progress.sent

    @property
    def failed(self) -> int:
        return self.progress.failed + max(self.progress.undelivered, 0) if self.progress else 0

    @property
    def ratio(self) -> float | None:
        """How many times smaller the batches are than keys and values; None without compression."""
        return self.batches.ratio if self.batches and self.batches.nbytes and self.compression != "none" else None


def throw_away_topic(partitions: int, replication: int) -> CreateTopic:
    """Its name is new. What is sent to it is gone in about an hour, even if nobody deletes it."""
    configs = {"cleanup.policy": "delete", "retention.ms": _HOUR}
    return CreateTopic(f"{PREFIX}{uuid.uuid4().hex[:8]}", partitions, replication, configs)


async def delete(changes: Changes, topic: str) -> None:
    """Raises `Failure` that says that the topic is left, and why."""
    try:
        outcome = await changes.carry_out(DeleteTopics((topic,)))
        why: Failure | str | None = next(iter(outcome.failures.values()), None) or " ".join(outcome.differs)
    except Failure as failure:
        why = failure
    if why:
        text = f"The topic {topic} could not be deleted: {why}"
        raise Failure(FailureKind.REFUSED, text, "Delete it, else it stays.")


class Benchmark:
    """Sends to `topic`, which it neither makes nor deletes. `run` once."""

    def __init__(
        self, cluster: Cluster, topic: str, load: Load, configurations: Sequence[Configuration], jobs: Jobs
    ) -> None:
        self._cluster = cluster
        self._configurations = configurations
        self._jobs = jobs
        self._job = Job(f"Benchmark on {topic}", "configurations", self._stop)
        self._rows = _Records(topic, load)
        self._limits = Limits(rate=load.rate, seconds=load.seconds)
        self._running: Production | None = None
        self._cancelled = False
        self.under_way = ""  # the name of the configuration that is sent with

    async def run(self, done: Callable[[Result], None]) -> None:
        """`done` is called with the result of each configuration, but not of one that was cancelled."""
        job = self._jobs.add(self._job)
        try:
            with _short_turns():
                for number, each in enumerate(self._configurations):
                    job.advance(number, len(self._configurations))
                    job.detail = self.under_way = each.name
                    result = await self._measure(each)
                    if self._cancelled:
                        return
                    done(result)
        except BaseException as error:
            job.fail(str(error) or "It was interrupted.")
            raise
        finally:
            self.under_way = ""
        job.finish()

    def cancel(self) -> None:
        """What is on its way gets five seconds."""
        self._job.cancel()

    def _stop(self) -> None:
        self._cancelled = True
        if self._running:
            self._running.cancel()

    def progress(self) -> Progress | None:
        return self._running.progress() if self._running else None

    @property
    def undelivered(self) -> int:
        found = self.progress()
        return max(found.undelivered, 0) if found else 0

    async def _measure(self, each: Configuration) -> Result:
        compression = each.settings.properties.get("compression.type", "none")
        self._running = Production(self._cluster, self._rows, each.settings, self._limits, measured=True)
        try:
            outcome = await self._running.run()
        except Failure as failure:
            return Result(each.name, compression, failure=failure)
        finally:
            self._running = None
        return Result(each.name, compression, outcome.progress, outcome.batches, _why(outcome))


@contextmanager
def _short_turns() -> Iterator[None]:
    """The thread that sends is never idle: whoever wants Python meanwhile, such as the window, waits for the end of its
    turn each time, which is 5 ms unless it is said otherwise."""
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(_USUAL_TURN)


def meaning(results: Sequence[Result], load: Load) -> list[str]:
    """What the results say, in sentences."""
    worked = [result for result in results if result.rate]
    found = [f"{each.name} did not work: {each.failure}" for each in results if not each.rate and each.failure]
    if not worked:
        return found
    if load.rate:
        slow = [each for each in worked if each.rate < 0.9 * load.rate]
        found += [f"{each.name} did not keep up with {rate(load.rate)}: it reached {rate(each.rate)}." for each in slow]
        found += [] if slow else [f"{'All kept' if len(worked) > 1 else worked[0].name + ' kept'} the rate."]
    else:
        found += _fastest(worked)
    found += _quickest(worked, load)
    dense = [each for each in worked if each.ratio]
    if dense:
        best = max(dense, key=lambda each: each.ratio or 0.0)
        text = f"{best.name} needs the least of the network: a byte for {best.ratio:.1f} of keys and values"
        found.append(f"{text}. They are generated JSON; others compress otherwise.")
    lossy = [each for each in worked if each.failed]
    return found + [f"{each.name}: {count(each.failed)} were not acknowledged. {each.failure or ''}" for each in lossy]


def _fastest(worked: Sequence[Result]) -> list[str]:
    ordered = sorted(worked, key=lambda each: -each.rate)
    first, last = ordered[0], ordered[-1]
    text = f"{first.name} sent the most: {rate(first.rate)}"
    if len(ordered) > 1:
        text += f", {first.rate / last.rate:.1f} times {last.name}"
    found = [f"{text}."]
    if first.batches and not first.batches.queue_full:
        found.append("The cluster took all that one program made on this computer: it may take more from others.")
    return found


def _quickest(worked: Sequence[Result], load: Load) -> list[str]:
    timed = [each for each in worked if each.progress and each.progress.p99]
    if not timed:
        return []
    best = min(timed, key=lambda each: each.progress.p99 if each.progress else 0.0)
    text = f"{best.name} had the lowest latency: p99 {duration((best.progress.p99 if best.progress else 0.0) / 1000)}."
    if load.rate:
        return [text]
    return [text, "At full speed a record waits in the client's own queue; give a rate to see what a usual load has."]


def _why(outcome: Outcome) -> Failure | None:
    if outcome.failure or not outcome.troubles:
        return outcome.failure
    return outcome.troubles[0].failure


@dataclass(frozen=True, slots=True)
class _Records:
    topic: str
    load: Load

    @property
    def name(self) -> str:
        return "the benchmark"

    def open(self) -> Rows:
        return _Endless(list(self._pool()))

    def _pool(self) -> Iterator[Outgoing]:
        """The same ones for each configuration."""
        chance = random.Random(self.load.size)  # noqa: S311  (made-up values)
        fields = _fields(chance)
        for number in range(max(min(_POOL_RECORDS, _POOL_BYTES // max(self.load.size, 1)), 1)):
            key = b"key-%d" % chance.randrange(self.load.keys) if self.load.keys else None
            yield Outgoing(self.topic, key, _json(number, self.load.size, fields, chance))


class _Endless:
    def __init__(self, pool: list[Outgoing]) -> None:
        self._pool, self._row = pool, 0

    def next(self, most: int) -> RowBatch | None:
        at = self._row % len(self._pool)
        found = self._pool[at : at + (most * _AT_ONCE if most > 1 else 1)]
        first, self._row = self._row + 1, self._row + len(found)
        return RowBatch(found, array("q", range(first, first + len(found))), [])

    def close(self) -> None:
        """Nothing is open."""


_WORDS = (
    "order",
    "customer",
    "paid",
    "open",
    "shipped",
    "returned",
    "warehouse",
    "north",
    "south",
    "invoice",
    "parcel",
)


def _fields(chance: random.Random) -> list[str]:
    """As records of a business have them: names and words that come again, numbers and ids that do not."""
    words = [f',"{chance.choice(_WORDS)}_{n % 40}":"{chance.choice(_WORDS)}"' for n in range(2000)]
    numbers = [f',"{chance.choice(_WORDS)}_{n % 40}":{chance.randrange(1_000_000)}' for n in range(1000)]
    ids = [f',"{chance.choice(_WORDS)}_id":"{chance.randbytes(8).hex()}"' for n in range(1000)]
    return words + numbers + ids


def _json(number: int, size: int, fields: Sequence[str], chance: random.Random) -> bytes:
    """Of `size` bytes: a note at its end fills them up. Below 40 bytes there is only the beginning of a number."""
    text = f'{{"id":{number}' + "".join(chance.choices(fields, k=size // 40))
    room = size - len(text) - len(',"note":""}')
    if room < 0:
        return f"{number:0{size}d}"[:size].encode()
    return f'{text},"note":"{chance.randbytes(room // 2 + 1).hex()[:room]}"}}'.encode()
