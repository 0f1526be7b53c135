"""What a replay keeps beside its plan, in a folder: `orders.toml` has `orders.run`. The run as it was made once, what
was not written as planned, progress where no cluster keeps it, and two files through which a window that did not start
the replay watches and steers it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import (
    Checkpoint,
    Command,
    Counts,
    Exceptional,
    Pace,
    Plan,
    Policy,
    Reached,
    ReplayProgress,
    ReplayRun,
    ReplayState,
    TargetTopic,
    check_pace,
    exceptional_json,
    progress_json,
    progress_of,
)
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.store.files import locked, make_private_directory, read_private, write_private
from kexplorer.store.plans import parse_plan, plan_text

_LIMIT = 256 << 20  # bytes: a list of what was skipped may be long


class RunFolder:
    """Owns the folder. Calls wait for the disk; what is not there is None or nothing."""

    def __init__(self, plan: Path) -> None:
        self.path = plan.with_suffix(".run")
        self._exceptional = self.path / "exceptional.jsonl"

    def held(self) -> contextlib.AbstractContextManager[None]:
        """By the process that runs it. `Failure` while another one of this machine does."""
        return locked(self.path / "engine")

    def begin(self, run: ReplayRun) -> None:
        write_private(self.path / "run.json", run_text(run).encode())

    def run(self) -> ReplayRun | None:
        content = read_private(self.path / "run.json", _LIMIT)
        return None if content is None else self._made(run_of, content, "run.json")

    def set_begun(self) -> None:
        """Something was committed: from now on, progress that is missing was lost."""
        self._write("begun.json", {"begun": True})

    @property
    def begun(self) -> bool:
        return self._read("begun.json") is not None

    def note(self, found: Sequence[Exceptional]) -> None:
        lines = "".join(json.dumps(exceptional_json(each)) + "\n" for each in found)
        make_private_directory(self.path)
        with self._exceptional.open("a", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def noted(self) -> Sequence[Exceptional]:
        """A last line that was written by halves is left out: its transaction was not committed."""
        lines = (read_private(self._exceptional, _LIMIT) or b"").split(b"\n")[:-1]
        return [self._made(_exceptional_of, json.loads(line), self._exceptional.name) for line in lines]

    def forget(self, reached: Checkpoint) -> None:
        """Drops what was noted at or behind these positions, whose transactions were not committed."""
        noted = self.noted()
        kept = [each for each in noted if each.offset < _position(reached, each.source)]
        if len(kept) < len(noted):
            write_private(self._exceptional, "".join(f"{json.dumps(exceptional_json(e))}\n" for e in kept).encode())

    def save(self, reached: Checkpoint) -> None:
        self._write("progress.json", [[*source, each.position, *each.counts] for source, each in reached.items()])

    def saved(self) -> Checkpoint:
        found = self._read("progress.json") or []
        return {TopicPartition(t, p): Reached(at, Counts(*counts)) for t, p, at, *counts in found}

    def write_command(self, command: Command) -> None:
        pace = asdict(command.pace) if command.pace else None
        self._write("command.json", {"state": str(command.state), "pace": pace})

    def command(self) -> Command:
        """What cannot be read changes nothing: RUNNING."""
        with contextlib.suppress(Failure, KeyError, TypeError, ValueError):
            if found := self._read("command.json"):
                pace = Pace(**found["pace"]) if found.get("pace") else None
                if pace:
                    check_pace(pace)
                return Command(ReplayState(found.get("state", ReplayState.RUNNING)), pace)
        return Command()

    def clear_command(self) -> None:
        (self.path / "command.json").unlink(missing_ok=True)

    def write_status(self, pid: int, progress: ReplayProgress) -> None:
        self._write("status.json", {"pid": pid, **progress_json(progress)})

    def status(self) -> tuple[int, ReplayProgress] | None:
        """The process that wrote it last, which may have ended, and how far it was."""
        found = self._read("status.json")
        return None if found is None else (int(found["pid"]), progress_of(found))

    def write_report(self, report: Mapping[str, Any]) -> None:
        self._write("report.json", report)

    def report(self) -> dict[str, Any] | None:
        """Of the last run that ended by itself."""
        found: dict[str, Any] | None = self._read("report.json")
        return found

    def _write(self, name: str, content: Any) -> None:
        write_private(self.path / name, json.dumps(content).encode())

    def _read(self, name: str) -> Any:
        content = read_private(self.path / name, _LIMIT)
        return None if content is None else self._made(json.loads, content, name)

    def _made(self, make: Any, of: Any, name: str) -> Any:
        try:
            return make(of)
        except (KeyError, TypeError, ValueError) as error:
            text = f"{self.path / name} cannot be understood: {error}."
            raise Failure(FailureKind.INVALID, text, "Move the folder away to begin anew, if that is meant.") from None


def _position(reached: Checkpoint, source: TopicPartition) -> int:
    return reached[source].position if source in reached else 0


def _exceptional_of(found: Mapping[str, Any]) -> Exceptional:
    where = TopicPartition(found["topic"], found["partition"])
    return Exceptional(where, found["offset"], Policy(found["outcome"]), found["why"])


def run_text(run: ReplayRun) -> str:
    """What `run_of` makes the same run of."""
    made = {
        "plan": plan_text(run.plan),
        "ranges": [[*each.source, each.start, each.end] for each in run.ranges],
        "counts": dict(run.counts),
        "targets": {name: asdict(each) for name, each in run.targets.items()},
        "target_starts": [[*where, at] for where, at in run.target_starts.items()],
        "now": run.now,
        "source_cluster": run.source_cluster,
        "target_cluster": run.target_cluster,
        "topic_ids": dict(run.topic_ids),
    }
    return json.dumps(made)


def run_of(text: str | bytes) -> ReplayRun:
    """Raises `KeyError`, `TypeError` or `ValueError` for what is no run."""
    found = json.loads(text)
    plan: Plan = parse_plan(found["plan"])
    return ReplayRun(
        plan,
        tuple(OffsetRange(TopicPartition(t, p), start, end) for t, p, start, end in found["ranges"]),
        found["counts"],
        {name: TargetTopic(**each) for name, each in found["targets"].items()},
        {TopicPartition(t, p): at for t, p, at in found["target_starts"]},
        found["now"],
        found["source_cluster"],
        found["target_cluster"],
        found["topic_ids"],
    )
