"""A wait until nobody asks a cluster any more."""

from __future__ import annotations

import asyncio

from tests.services.fake_cluster import FakeCluster


async def quiet(cluster: FakeCluster) -> None:
    """Returns once there was no call for a while; never, and the test fails, where somebody asks again and again."""
    before = -1
    while before != len(cluster.calls):
        before = len(cluster.calls)
        await asyncio.sleep(0.3)
