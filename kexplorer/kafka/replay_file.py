"""Lines of JSON back into a topic, byte for byte: each record once, however often the process ends on its way."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from confluent_kafka import Producer

from kexplorer.formats.jsonl import read_line
from kexplorer.kafka.link import LinkMonitor
from kexplorer.kafka.reading import Client
from kexplorer.kafka.replay_checkpoints import Checkpoints
from kexplorer.kafka.replay_records import Sendable
from kexplorer.kafka.replay_target import Crash, RecordRefusedError, Target, TryAgainError
from kexplorer.kafka.replaying import Side, reader_config, writer_config
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import CHECKPOINTS

_MOST = 20_000  # lines of a transaction, or
_MOST_BYTES = 16 << 20
_HEAD = 1 << 16  # bytes that tell one file from another, with its size
_PATIENCE = 300.0  # seconds
_BACK_OFF = 1.0


@dataclass(frozen=True, slots=True)
class _Place:
    """`lines` and bytes that are in the topic."""

    at: int = 0
    lines: int = 0


class Restoring:
    """One file into one topic. Its job is what the file and the topic are called by in the target's checkpoints: a file
    that was restored is not restored again. `run` may be called once; raises `Failure`, and the next run goes on."""

    def __init__(self, path: Path, topic: str, side: Side, job: str, max_bytes: int | None = None) -> None:
        self._path, self._topic = path, topic
        self._key = f"{job}/file".encode()
        self._link = LinkMonitor(side.profile.name)
        config = writer_config({}, [max_bytes] if max_bytes else [], side, self._link, f"kx-restore-{job}")
        self._target = Target(config, Crash(os.environ.get("KEXPLORER_CRASH_AT", "")), self._why_silent, _PATIENCE)
        self._client = Client(reader_config(side, self._link), self._link.on_error)

    def run(self, tell: Callable[[int, int], None]) -> tuple[int, int]:
        """Lines that are in the topic, and how many of them were there before. `tell` gets lines and bytes."""
        try:
            with self._path.open("rb") as file:
                self._mark = _mark(file)
                self._target.start()  # before the progress is read: whoever ran it before writes no more
                place = began = self._reached()
                file.seek(place.at)
                while lines := _some(file):
                    place = self._write(lines, place)
                    tell(place.lines, place.at)
                return place.lines, began.lines
        except OSError as error:
            text = f"{self._path} cannot be read: {error.strerror}."
            raise Failure(FailureKind.REFUSED, text, "Check the name.") from None
        finally:
            self._target.close()
            self._client.close()

    def _why_silent(self) -> str:
        return self._link.state.reason

    def _reached(self) -> _Place:
        found = Checkpoints(self._client, self._why_silent).newest(self._key).get(self._key)
        if found is None:
            return _Place()
        mark, at, lines = json.loads(found)
        if mark != self._mark:
            text = f"{self._path} is not the file that this job began with."
            raise Failure(FailureKind.REFUSED, text, "Restore it under another --job.")
        return _Place(at, lines)

    def _write(self, lines: list[bytes], before: _Place) -> _Place:
        sendable = [self._sendable(line, number) for number, line in enumerate(lines, before.lines + 1)]
        place = _Place(before.at + sum(map(len, lines)), before.lines + len(lines))
        value = json.dumps([self._mark, place.at, place.lines]).encode()

        def attach(producer: Producer) -> None:
            producer.produce(CHECKPOINTS, value, self._key, 0)

        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self._target.write(sendable, attach)
                return place
            except TryAgainError as error:
                if time.monotonic() > until:
                    raise error.failure from error
                time.sleep(_BACK_OFF)
            except RecordRefusedError as error:
                lines_of = f"one of the lines {before.lines + 1:,} to {place.lines:,}"
                where = lines_of if error.row is None else f"line {before.lines + 1 + error.row:,}"
                text = f"{self._path}, {where}: {error.failure.message}"
                raise Failure(error.failure.kind, text, error.failure.hint) from error

    def _sendable(self, line: bytes, number: int) -> Sendable:
        try:
            record = read_line(line)
        except Failure as failure:
            raise Failure(failure.kind, f"{self._path}, line {number:,}: {failure.message}", failure.hint) from None
        if not record.timestamp or record.headers is None:
            what = "timestamp is 0 or not there" if not record.timestamp else "headers are not in it"
            text = f"{self._path}, line {number:,}: its {what}, so it cannot be written as it was."
            raise Failure(FailureKind.INVALID, text, "Remove the line, or send the file with kexplorer produce.")
        headers = list(record.headers) or None
        return self._topic, record.value, record.key, record.partition, None, None, record.timestamp, headers


def _mark(file: BinaryIO) -> str:
    head = hashlib.blake2b(file.read(_HEAD), digest_size=8).hexdigest()
    return f"{file.seek(0, os.SEEK_END)}-{head}"


def _some(file: BinaryIO) -> list[bytes]:
    def enough() -> Iterator[bytes]:
        nbytes = 0
        for line in islice(file, _MOST):
            yield line
            nbytes += len(line)
            if nbytes >= _MOST_BYTES:
                return

    return list(enough())
