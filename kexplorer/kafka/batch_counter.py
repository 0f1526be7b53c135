"""Adds up what librdkafka tells of its batches, by the names of
https://github.com/confluentinc/librdkafka/blob/master/STATISTICS.md"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kexplorer.model.batches import Batches

EVERY = 0.5  # seconds, between two tellings
_MOST_BYTES, _MOST_RECORDS = 1_000_000, 10_000  # librdkafka's defaults of batch.size and batch.num.messages


class BatchCounter:
    """Is told in the writer's thread."""

    def __init__(self) -> None:
        self.told = 0
        self.queue_full = 0
        self._count = self._records = self._payload = self._nbytes = 0
        self._most_bytes, self._most_records = _MOST_BYTES, _MOST_RECORDS

    def configure(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """What a producer of that configuration needs besides."""
        self._most_bytes = int(config.get("batch.size", _MOST_BYTES))
        self._most_records = int(config.get("batch.num.messages", _MOST_RECORDS))
        return {"statistics.interval.ms": int(EVERY * 1000), "stats_cb": self._take}

    def batches(self) -> Batches:
        counted = (self._count, self._records, self._payload, self._nbytes)
        return Batches(*counted, self._most_bytes, self._most_records, self.queue_full)

    def _take(self, text: str) -> None:
        """Batches are told of since the time before, records and their bytes since the beginning."""
        told = json.loads(text)
        for topic in told["topics"].values():
            self._count += topic["batchcnt"]["cnt"]
            self._records += topic["batchcnt"]["sum"]
            self._nbytes += topic["batchsize"]["sum"]
        self._payload = told["txmsg_bytes"]
        self.told += 1
