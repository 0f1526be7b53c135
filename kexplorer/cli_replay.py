"""Composition root of `kexplorer replay`: a plan is looked at, shown, run, and looked at once more. The process is the
same whether a person or a window starts it; who watches may come and go."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kexplorer.cli import FAILED, FOUND, connection, say
from kexplorer.cli_replay_run import Running, Watched, tell_report
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.kafka.replay_checkpoints import was_begun_again
from kexplorer.kafka.replay_group import Decision, SharedEngine, SharedRun, check_shareable
from kexplorer.kafka.replay_permissions import lacking
from kexplorer.kafka.replaying import Engine, Side
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import refuse_writing
from kexplorer.model.profile import Profile
from kexplorer.model.replay import CHECKPOINTS, Place, Plan, ReplayRun, ReplayState
from kexplorer.services.replay_permissions import (
    checkpoints_topic,
    made_meanwhile,
    missing_checkpoints,
    needed,
    refuse_lacking,
)
from kexplorer.services.replay_plan import DryRun, check_resumable, dry_run, resolve_plan
from kexplorer.store.daemon import in_daemon
from kexplorer.store.plans import load_plan
from kexplorer.store.profiles import ProfileStore
from kexplorer.store.replay_runs import RunFolder, run_of, run_text

_DISK = 10.0  # seconds
_PERMISSIONS = 60.0  # seconds for looking at them

MakeEngine = Callable[[ReplayRun, Side, Side, RunFolder, Watched], Engine]


def replay(arguments: Sequence[str], make_engine: MakeEngine = Engine) -> int:
    """`kexplorer replay`; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _replay(options, make_engine)
    except Failure as failure:
        say(f"kexplorer: {failure}")
    except KeyboardInterrupt:
        say("kexplorer: interrupted.")
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kexplorer replay",
        description="Run a plan: read records from one place, change them, write them to another, each exactly once "
        "or at least once. A run that was ended goes on where it was when it is started again.",
        epilog="Beside the plan, a folder keeps what the run needs to go on and its report. Exit code: 0 all was "
        "written (or quarantined, or skipped, as the plan says) and found again, 2 something was not; standard error "
        "says what. Ctrl+C ends it behind the transaction that is under way; command.json in that folder holds "
        '{"state": "paused"}, "stopped" or "running", and {"pace": {"records": 500}} to change the pace meanwhile.',
    )
    parser.add_argument("plan", metavar="PLAN.toml", type=Path)
    parser.add_argument("--dry-run", action="store_true", help="say what it would do, and end")
    parser.add_argument("--whole", action="store_true", help="look at every record before: exact counts, no surprise")
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    parser.add_argument("--take-over", action="store_true", help="go on with a job that another machine began")
    parser.add_argument("--report", metavar="PATH", type=Path, help="what became of it, as JSON")
    parser.add_argument("--progress", action="store_true", help="lines of JSON on standard output")
    parser.add_argument(
        "--group",
        metavar="NAME",
        help="share the work with other engines, here or on other machines, that run the same plan with this group; "
        "each needs its own copy of the plan in its own folder, and the plan's pace is that of each of them",
    )
    return parser


def _replay(options: argparse.Namespace, make_engine: MakeEngine) -> int:
    plan = load_plan(options.plan)
    folder = RunFolder(options.plan)
    sides = asyncio.run(_sides(plan))
    with folder.held():
        if options.group:
            return _shared(options, plan, sides, folder)
        run = folder.run()
        fresh = run is None or (run.plan != plan and not folder.begun)
        if run is None or fresh:
            run = asyncio.run(_begun(options, plan, sides))
            if run is None:
                return FOUND
            _check_alone(plan, sides[1])
            folder.begin(run)
        else:
            _check_not_ended(plan, folder)
            _check_unchanged(run.plan, plan)
            if options.dry_run:
                asyncio.run(_shown(run, sides, whole=options.whole))
                return FOUND
            asyncio.run(_check_source(run, sides))
            run = replace(run, plan=plan)
            folder.begin(run)
        watched = _watched(options, folder)
        engine = make_engine(run, *sides, folder, watched)
        engine.must_begin = fresh and not options.take_over
        engine.must_resume, engine.on_first = folder.begun, folder.set_begun
        if options.take_over:  # nobody here knows where the targets ended before
            run = replace(run, plan=replace(run.plan, verify=False))
        report = Running(run, sides, engine, watched, folder.noted).to_its_end()
        return tell_report(report, folder, options.report)


def _check_alone(plan: Plan, target: Side) -> None:
    decision = Decision(plan, target)
    try:
        found = decision.found()
    except Failure as failure:
        if failure.kind is not FailureKind.AUTHORIZATION:
            raise
        found = None  # who may not read that topic has begun nothing there
    finally:
        decision.close()
    if found:
        text = f"The job {plan.job} was begun by engines that share it."
        raise Failure(FailureKind.REFUSED, text, f"Add --group {found.group}, or give it another job name.")


def _watched(options: argparse.Namespace, folder: RunFolder) -> Watched:
    """What it was told before it was started is no more meant, pace included."""
    if not was_begun_again():
        folder.clear_command()
    return Watched(folder, talks=options.progress)


def _shared(options: argparse.Namespace, plan: Plan, sides: tuple[Side, Side], folder: RunFolder) -> int:
    """As one of several engines. Whoever comes first makes the run for all."""
    check_shareable(plan)
    if folder.begun:
        text = f"The job {plan.job} was begun by one engine alone."
        raise Failure(FailureKind.REFUSED, text, "Go on without --group, or give it another job name.")
    decision = Decision(plan, sides[1])
    try:
        found = decision.found()
        if found is None:
            made = asyncio.run(_begun(options, plan, sides))
            if made is None:
                return FOUND
            found = decision.make(made, SharedRun(options.group, run_text(made)))
        if found.group != options.group:
            raise Failure(FailureKind.REFUSED, f"The job {plan.job} was begun with --group {found.group}.", "Use it.")
        run = run_of(found.text)
        _check_unchanged(run.plan, plan)
        if options.dry_run:
            asyncio.run(_shown(run, sides, whole=options.whole))
            return FOUND
        asyncio.run(_check_source(run, sides))
        run = replace(run, plan=plan)
        watched = _watched(options, folder)
        engine = SharedEngine(run, *sides, folder, watched, options.group)
        report = Running(run, sides, engine, watched, decision.exceptional).to_its_end()
        return tell_report(report, folder, options.report, engine.own)
    finally:
        decision.close()


def _check_not_ended(plan: Plan, folder: RunFolder) -> None:
    report = folder.report()
    if report and report["state"] == ReplayState.DONE:
        text = f"The job {plan.job} has been run to its end; its report is in {folder.path}."
        raise Failure(FailureKind.REFUSED, text, "Give the plan another job name to run it again.")


def _check_unchanged(begun: Plan, plan: Plan) -> None:
    if plan != replace(begun, pace=plan.pace, verify=plan.verify, policy=plan.policy):
        text = f"The plan was changed since its job {plan.job} began."
        raise Failure(FailureKind.REFUSED, text, "Undo the changes to go on, or give it another job name.")


async def _sides(plan: Plan) -> tuple[Side, Side]:
    found: list[Side] = []
    for place in (plan.source.cluster, plan.target.cluster):
        if found and place == plan.source.cluster:
            found.append(found[0])  # a password is asked for once
            continue
        found.append(Side(*await connection(_connection_options(place))))
    refuse_writing(await in_daemon("profiles", lambda: _protected(found[1].profile), _DISK))
    return found[0], found[1]


def _protected(target: Profile) -> Profile:
    """The saved profile that stands for `target`: brokers that are read-only by every profile of theirs are not written
    to because a plan names them by their address."""
    of_it = [each for each in ProfileStore().load().profiles if each.bootstrap == target.bootstrap]
    return of_it[0] if of_it and all(each.read_only for each in of_it) else target


def _connection_options(place: Place) -> argparse.Namespace:
    return argparse.Namespace(bootstrap=place.bootstrap or None, profile=place.profile or None)


@contextlib.asynccontextmanager
async def _clusters(sides: tuple[Side, Side]) -> AsyncIterator[tuple[KafkaCluster, KafkaCluster]]:
    source, target = (KafkaCluster(side.profile, side.credentials) for side in sides)
    try:
        yield source, target
    finally:
        await source.close()
        await target.close()


async def _begun(options: argparse.Namespace, plan: Plan, sides: tuple[Side, Side]) -> ReplayRun | None:
    """The run, once somebody has agreed to what it does. None: it was only to be shown."""
    async with _clusters(sides) as (source, target):
        run = await resolve_plan(plan, source, target)
        await in_daemon("permissions", lambda: _check_permissions(run, sides, options.group or ""), _PERMISSIONS)
        _tell_dry_run(await dry_run(run, source, target, whole=options.whole))
        missing = await missing_checkpoints(run, target, options.group or "")
        if missing:
            say(f"The topic {CHECKPOINTS} will be made on the target: it keeps the progress.")
        if options.dry_run:
            return None
        if not options.yes:
            _ask()
        if missing:
            await make_checkpoints(target)
        return run


def _check_permissions(run: ReplayRun, sides: tuple[Side, Side], group: str) -> None:
    try:
        found = [lacking(side, wanted) for side, wanted in zip(sides, needed(run, group), strict=True)]
    except Failure as failure:
        say(f"Note: {failure}")
        return
    refuse_lacking(*found)


async def make_checkpoints(target: KafkaCluster) -> None:
    """Raises `Failure` where it cannot be made."""
    answers = await target.apply(await checkpoints_topic(target))
    failure = answers[CHECKPOINTS]
    if failure and not await made_meanwhile(target, failure):
        raise failure


async def _shown(run: ReplayRun, sides: tuple[Side, Side], *, whole: bool) -> None:
    async with _clusters(sides) as (source, target):
        _tell_dry_run(await dry_run(run, source, target, whole=whole))


async def _check_source(run: ReplayRun, sides: tuple[Side, Side]) -> None:
    async with _clusters(sides) as (source, _):
        await check_resumable(run, source)


def _tell_dry_run(found: DryRun) -> None:
    say("\n".join(found.lines()))
    for sample in found.samples[:3]:
        where = f"{sample.record.topic}/{sample.record.partition}/{sample.record.offset}"
        if sample.made is None:
            say(f"  {where}: {sample.trouble or 'dropped'}")
        else:
            say(f"  {where}: {sample.record.key!r} {_short(sample.record.value)}")
            say(f"    becomes {sample.made.key!r} {_short(sample.made.value)} in partition {sample.partition}")


def _short(value: bytes | None) -> str:
    return repr(value if value is None or len(value) <= 100 else value[:100])


def _ask() -> None:
    if not sys.stdin.isatty():
        raise Failure(FailureKind.REFUSED, "Nobody can be asked here whether to begin.", "Add --yes to begin at once.")
    sys.stderr.write("Begin? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failure(FailureKind.REFUSED, "Not begun.")
