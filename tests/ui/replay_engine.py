"""Stands in for the engine of a replay: tells and obeys as `kexplorer replay` does, without a cluster. It goes on to
the offset that stands in the file FILE.upto beside the plan, and meets a bad record at offset 7 of each partition. A
job called "refused" ends with a sentence before it begins, "findings" ends with some."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from kexplorer.model.replay import (
    Checkpoint,
    Counts,
    Exceptional,
    Policy,
    Reached,
    ReplayProgress,
    ReplayReport,
    ReplayRun,
    ReplayState,
    TargetTopic,
    Verified,
    progress_json,
    report_json,
)
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.store.plans import load_plan
from kexplorer.store.replay_runs import RunFolder

COMMAND = (sys.executable, "-m", "tests.ui.replay_engine")
LENGTH, PARTITIONS = 100, 2
BAD = 7


def let_run(plan: Path, upto: int = LENGTH) -> None:
    part = plan.with_suffix(".part")
    part.write_text(str(upto))
    part.replace(plan.with_suffix(".upto"))


def _main(path: Path) -> int:
    plan, folder = load_plan(path), RunFolder(path)
    if plan.job == "refused":
        sys.stderr.write("orders: 200 records.\nkexplorer: The target has no topic nowhere. Create it.\n")
        return 2
    topic = plan.source.topics[0]
    ranges = tuple(OffsetRange(TopicPartition(topic, number), 0, LENGTH) for number in range(PARTITIONS))
    targets = {name: TargetTopic(target, PARTITIONS) for name, target in plan.target.topics.items()}
    folder.begin(ReplayRun(plan, ranges, {topic: PARTITIONS}, targets, {}, 0, "c", "c"))
    folder.clear_command()
    state, reached = ReplayState.RUNNING, folder.saved() or {each.source: Reached(0, Counts()) for each in ranges}
    while any(each.position < LENGTH for each in reached.values()) and state is not ReplayState.STOPPED:
        state = folder.command().state
        if state is ReplayState.RUNNING:
            reached = _further(path, folder, reached)
            folder.save(reached)
        _tell(folder, ReplayProgress(state, reached, 10.0, 5.0))
        time.sleep(0.02)
    state = ReplayState.STOPPED if state is ReplayState.STOPPED else ReplayState.DONE
    _tell(folder, ReplayProgress(state, reached))
    findings = ("Partition 0 has 1 record too few.",) if plan.job == "findings" else ()
    verified = Verified(198, 198, findings=findings)
    report = ReplayReport(plan.job, plan.guarantee, state, reached, ranges, folder.noted(), verified, None, 1.0)
    folder.write_report(report_json(report))
    return 0 if report.complete else 2


def _further(path: Path, folder: RunFolder, reached: Checkpoint) -> Checkpoint:
    upto = min(int(path.with_suffix(".upto").read_text()), LENGTH)
    for source, each in reached.items():
        if each.position <= BAD < upto:
            folder.note([Exceptional(source, BAD, Policy.QUARANTINE, "Its value is no JSON.")])
    return {
        source: Reached(upto, Counts(upto, upto, upto - (upto > BAD), upto > BAD, 0, upto * 10)) for source in reached
    }


def _tell(folder: RunFolder, progress: ReplayProgress) -> None:
    folder.write_status(os.getpid(), progress)
    sys.stdout.write(json.dumps(progress_json(progress)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
