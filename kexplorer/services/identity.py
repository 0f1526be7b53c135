"""Whether a topic is still the one that was looked at first, which its name does not tell."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from kexplorer.formats import numbers
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind

_LOOK_EVERY = 3.0  # seconds; what is read meanwhile may be of the new topic already


@dataclass(frozen=True, slots=True)
class Change:
    """`topic` was deleted; not `gone`: and made anew. `noticed` is in milliseconds since 1970."""

    topic: str
    noticed: int
    gone: bool

    def failure(self, zone: tzinfo) -> Failure:
        """For a person who looks at records of it."""
        clock = numbers.timestamp(self.noticed, zone)[11:19]
        if self.gone:
            text, hint = f"{self.topic} was deleted at about {clock}.", "What was read of it stays until you refresh."
        else:
            text = f"{self.topic} was deleted and made anew at about {clock}: what is shown is of the old one."
            hint = "Refresh shows the new one."
        return Failure(FailureKind.NOT_FOUND, text, hint)


async def ids_of(cluster: Cluster, topics: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Topics and their ids, without those whose id is not told."""
    answers: dict[str, str | Failure | None] = {}
    with contextlib.suppress(Failure):
        answers = await cluster.topic_ids(topics)
    return tuple((topic, answer) for topic, answer in answers.items() if isinstance(answer, str))


async def changed(cluster: Cluster, topics: Sequence[str]) -> Change:
    """Returns once one of `topics` is not the one any more that it was at the first look, which is at once. A topic
    counts as gone when it is missing twice in a row: a broker that lags behind may not know a new one yet. Failures are
    for whoever reads to tell. Where brokers tell no ids, a topic made anew between two looks is not noticed."""
    ids: dict[str, str] = {}
    missing: dict[str, int] = {}  # since when
    while True:
        answers: dict[str, str | Failure | None] = {}
        with contextlib.suppress(Failure):
            answers = await cluster.topic_ids(topics)
        now = time.time_ns() // 1_000_000
        for topic, answer in answers.items():
            if isinstance(answer, str) and ids.setdefault(topic, answer) != answer:
                return Change(topic, missing.get(topic, now), gone=False)
            if not isinstance(answer, Failure):
                missing.pop(topic, None)
            elif answer.kind is FailureKind.NOT_FOUND:
                if topic in missing:
                    return Change(topic, missing[topic], gone=True)
                missing[topic] = now
        await asyncio.sleep(_LOOK_EVERY)
