"""Looks at who is in a group, often enough to see it rebalance."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Group
from kexplorer.model.rebalances import Timeline

EVERY = 2.0  # seconds


async def observe(cluster: Cluster, group: str, timeline: Timeline, changed: Callable[[], object]) -> None:
    """Until it is cancelled. Calls `changed` after each look. Looks that others gave to `timeline` count: the group is
    described only where the newest is older than `EVERY`. What cannot be seen is a gap."""
    try:
        while True:
            began = time.time()
            if (rest := timeline.until + EVERY - began) <= 0:
                rest = EVERY
                try:
                    found: Group | Failure = (await cluster.describe_groups([group]))[group]
                except Failure as failure:
                    found = failure
                if isinstance(found, Failure):
                    timeline.gap()
                else:
                    timeline.take(found, time.time())
                changed()
                rest = max(EVERY, time.time() - began)  # never more than half of the time
            await asyncio.sleep(min(rest, EVERY))
    finally:
        timeline.gap()
