"""A page of metrics for Prometheus: names and labels are those of the common exporters for Kafka, so that dashboards
and alerts made for them go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lag import Reading
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import State

if TYPE_CHECKING:
    from prometheus_client import Metric

    from kexplorer.services.lag_watch import Sampled

_PARTITION = ("consumergroup", "topic", "partition")


@dataclass(eq=False, slots=True)
class Page:
    """A collector of prometheus_client. What `show` was given last is what is told; nothing of a look that failed but
    that it did. `port`: where it is served."""

    port: int = 0
    sampled: Sampled | None = None

    def show(self, sampled: Sampled) -> None:
        self.sampled = sampled

    def collect(self) -> Iterator[Metric]:
        """In the thread of whoever fetches."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  (not for a run without a page)

        sampled = self.sampled
        up = GaugeMetricFamily("kexplorer_up", "Whether the last look at the consumer groups brought anything.")
        up.add_metric((), float(sampled is not None and sampled.trouble is None))
        yield up
        if sampled is None or sampled.trouble:
            return
        at = GaugeMetricFamily("kexplorer_sample_timestamp_seconds", "When the groups were looked at.")
        at.add_metric((), sampled.at)
        yield at
        yield from _of_groups(sampled)
        yield from _of_partitions(sampled)
        yield from _of_logs(sampled)


def _of_groups(sampled: Sampled) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    members = GaugeMetricFamily("kafka_consumergroup_members", "Members of a consumer group.", labels=["consumergroup"])
    verdicts = GaugeMetricFamily(
        "kexplorer_consumergroup_verdict", "1 for the verdict on a consumer group.", labels=["consumergroup", "verdict"]
    )
    total = GaugeMetricFamily(
        "kafka_consumergroup_lag_sum", "Lag of a consumer group in a topic.", labels=["consumergroup", "topic"]
    )
    for name, seen in sampled.groups.items():
        members.add_metric((name,), len(seen.group.members))
        for state in State:
            verdicts.add_metric((name, str(state)), float(sampled.verdicts[name].state is state))
        sums: dict[str, int] = {}
        for reading in seen.readings:
            if reading.lag is not None:
                sums[reading.source.topic] = sums.get(reading.source.topic, 0) + max(reading.lag, 0)
        for topic, lag in sums.items():
            total.add_metric((name, topic), lag)
    yield from (members, verdicts, total)


def _of_partitions(sampled: Sampled) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    lag = GaugeMetricFamily(
        "kafka_consumergroup_lag", "Offsets that a consumer group has still to read.", labels=_PARTITION
    )
    offset = GaugeMetricFamily("kafka_consumergroup_current_offset", "The committed offset.", labels=_PARTITION)
    for name, seen in sampled.groups.items():
        for reading in seen.readings:
            labels = (name, reading.source.topic, str(reading.source.partition))
            if reading.lag is not None:
                lag.add_metric(labels, reading.lag)
            if reading.committed is not None:
                offset.add_metric(labels, reading.committed)
    yield from (lag, offset)


def _of_logs(sampled: Sampled) -> Iterator[Metric]:
    """Of the partitions that the groups read."""
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    current = GaugeMetricFamily(
        "kafka_topic_partition_current_offset", "The end of a partition's log.", labels=_PARTITION[1:]
    )
    oldest = GaugeMetricFamily(
        "kafka_topic_partition_oldest_offset", "The start of a partition's log.", labels=_PARTITION[1:]
    )
    logs: dict[TopicPartition, Reading] = {
        reading.source: reading for seen in sampled.groups.values() for reading in seen.readings
    }
    for (topic, partition), reading in sorted(logs.items()):
        if reading.end is not None:
            current.add_metric((topic, str(partition)), reading.end)
        if reading.start is not None:
            oldest.add_metric((topic, str(partition)), reading.start)
    yield from (current, oldest)


@contextmanager
def serve(host: str, port: int) -> Iterator[Page]:
    """Serves a page until the block is left, in threads of its own. Port 0: any that is free."""
    from prometheus_client import CollectorRegistry, start_http_server  # noqa: PLC0415

    page = Page()
    registry = CollectorRegistry()
    registry.register(page)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        text = f"{host}:{port} can't be served at: {error.strerror or error}."
        raise Failure(FailureKind.REFUSED, text, "Choose another port, or end what uses it.") from None
    page.port = server.server_port
    try:
        yield page
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
