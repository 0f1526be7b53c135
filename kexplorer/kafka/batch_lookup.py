"""What a record's batch tells of it and the client library does not."""

from __future__ import annotations

from kexplorer.kafka.fetching import Fetcher, can_fetch
from kexplorer.kafka.handle import HandleThread
from kexplorer.kafka.record_batches import NotUnderstood
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import TopicPartition

_WITHIN = 10.0  # seconds


async def compression_at(profile: Profile, credentials: Credentials, source: TopicPartition, offset: int) -> str | None:
    """ "none", "gzip", "snappy", "lz4" or "zstd", by a connection of its own for this one batch. None where that cannot
    be told: the record is gone, or only the client library can do what the connection asks for. Raises nothing."""
    if not can_fetch(profile):
        return None

    def look() -> str:
        fetcher = Fetcher(profile, credentials)
        try:
            return fetcher.batch_at(source, offset).compression
        finally:
            fetcher.close()

    thread = HandleThread("kafka-batch")  # one that may be left behind in a frozen broker
    try:
        return await thread.call(look, what="Looking at a batch", within=_WITHIN)
    except (NotUnderstood, Failure):
        return None
    finally:
        thread.finish()
