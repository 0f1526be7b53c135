"""The newest records of a topic whose partitions are asked for first."""

from kexplorer.model.cluster import Cluster
from kexplorer.model.topics import IsolationLevel
from kexplorer.services import browser
from kexplorer.services.browser import NewestPage


async def newest(
    cluster: Cluster, topic: str, count: int, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
) -> NewestPage:
    return await browser.newest(cluster, await browser.partitions_of(cluster, [topic]), count, isolation)
