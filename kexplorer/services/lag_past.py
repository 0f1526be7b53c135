"""What was recorded of the lag of a cluster, for those who look at it."""

from __future__ import annotations

from kexplorer.model.cluster import Cluster
from kexplorer.store.lag_history import LagHistory, Track

__all__ = ["LagHistory", "Track", "tracks"]


async def tracks(
    history: LagHistory, cluster: Cluster, since: float, until: float, group: str | None, points: int
) -> list[Track]:
    """Of all groups, or of one, `points` in each at most; the times in seconds since 1970. Raises `Failure`."""
    identity = (await cluster.metadata()).cluster_id or cluster.profile.name
    return await history.read(identity, since, until, group, points=points)
