"""Which version the brokers of a cluster have agreed to work as (KIP-584)."""

from __future__ import annotations

from kexplorer.kafka.second_client import SecondClient

# Feature levels of metadata.version by the first of each release, from org.apache.kafka.server.common.MetadataVersion.
_RELEASES = (
    *((4, "3.3"), (8, "3.4"), (9, "3.5"), (12, "3.6"), (15, "3.7")),
    *((20, "3.8"), (21, "3.9"), (22, "4.0"), (26, "4.1"), (28, "4.2"), (30, "4.3")),
)
_NEWEST = 30  # level that is known here
_FEATURE = "metadata.version"


async def agreed_version(second: SecondClient) -> str | None:
    """As in "4.3-IV0"; None for clusters without a metadata version: older ones, and those with ZooKeeper. Brokers may
    run a newer release than they have agreed on."""
    answer = await second.ask("Asking for the version", lambda by: by.features())
    for feature in answer.finalized_features or ():
        if feature.name == _FEATURE:
            return version_of(int(feature.max_version_level))
    return None


def version_of(level: int) -> str:
    if level > _NEWEST:
        return f"newer than {_RELEASES[-1][1]} ({_FEATURE} {level})"
    first, release = next(each for each in reversed(_RELEASES) if each[0] <= max(level, 4))
    return f"{release}-IV{level - first}"
