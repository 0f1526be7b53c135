"""A replay with a fault that the tests of crashes must find: its progress is committed behind the records."""

from collections.abc import Sequence

from kexplorer import cli_replay
from kexplorer.kafka.replaying import Batch as ReplayBatch
from kexplorer.kafka.replaying import Engine


class Mutant(Engine):
    def commit(self, batch: ReplayBatch) -> None:
        self.target.write(batch.sendable, lambda _producer: None)
        super().commit(ReplayBatch(changed=batch.changed))


def replay(arguments: Sequence[str]) -> int:
    return cli_replay.replay(arguments, Mutant)
