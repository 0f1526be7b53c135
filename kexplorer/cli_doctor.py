"""Composition root of `kexplorer doctor`: examines a group, a topic or a cluster, with the window's checks."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from contextlib import aclosing

from kexplorer.cli import FAILED, FOUND, NOTHING, add_connection, connection, run
from kexplorer.kafka import checks
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.findings import Checked, Finding
from kexplorer.services.doctor.examine import examine

_HEALTHY, _FOUND = FOUND, NOTHING  # exit codes, with FAILED
_FOR = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>ms|s|m)?")
_UNITS = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0}


def doctor(arguments: Sequence[str]) -> int:
    """`kexplorer doctor`; the answer is the exit code."""
    return run(_doctor(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kexplorer doctor",
        description="Say what is wrong with a consumer group or a topic, with the numbers that show it, what it means, "
        "and what to do. Without either: with the cluster. Changes nothing.",
        epilog="Exit code: 0 all is well, 1 something was found, 2 something could not be looked at and nothing was "
        "found.",
    )
    add_connection(parser)
    parser.add_argument("--group", metavar="NAME", help="a consumer group; with --topic only what it reads there")
    parser.add_argument("--topic", metavar="NAME")
    parser.add_argument(
        "--for", dest="time", metavar="TIME", default="10s", help="how long a group is watched, such as 30s or 2m; 10s"
    )
    parser.add_argument("--json", action="store_true", help="a line of JSON for each finding and for each check")
    return parser


async def _doctor(options: argparse.Namespace) -> int:
    seconds = _seconds(options.time)
    group = checks.group_id(options.group) if options.group else ""
    topic = checks.topic_name(options.topic) if options.topic else ""
    profile, credentials = await connection(options)
    cluster = KafkaCluster(profile, credentials)
    findings, checked = 0, list[Checked]()
    try:
        async with aclosing(examine(cluster, group=group, topic=topic, seconds=seconds)) as told:
            async for each in told:
                if isinstance(each, Finding):
                    findings += 1
                else:
                    checked.append(each)
                _put(_json(each) if options.json else _text(each))
    finally:
        await cluster.close()
    failed = [each for each in checked if each.failure]
    if not options.json:
        _put(_summary(findings, checked, failed))
    return _FOUND if findings else FAILED if failed else _HEALTHY


def _put(text: str) -> None:
    if text:
        sys.stdout.write("".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text) + "\n")
        sys.stdout.flush()


def _json(told: Finding | Checked) -> str:
    if isinstance(told, Checked):
        failure = str(told.failure) if told.failure else None
        return json.dumps({"checked": told.check, "findings": told.found, "failure": failure})
    return json.dumps(
        {
            "check": told.check,
            "severity": str(told.severity),
            "title": told.title,
            "evidence": dict(told.evidence),
            "meaning": told.meaning,
            "remedy": told.remedy,
            "where": told.where._asdict() if told.where else None,
        }
    )


def _text(told: Finding | Checked) -> str:
    if isinstance(told, Finding):
        return told.text
    return f"NOT CHECKED: {told.title}. {told.failure}\n" if told.failure else ""


def _summary(findings: int, checked: Sequence[Checked], failed: Sequence[Checked]) -> str:
    fine = [each for each in checked if each.fine]
    what = "Nothing was found." if not findings else f"{findings} finding{'' if findings == 1 else 's'}."
    lost = f" {len(failed)} could not be made." if failed else ""
    lines = [
        f"{what} {len(checked)} checks, {len(fine)} of them well.{lost}",
        *(f"  ok  {each.title}" for each in fine),
    ]
    return "\n".join(lines)


def _seconds(text: str) -> float:
    found = _FOR.fullmatch(text)
    seconds = float(found["number"]) * _UNITS[found["unit"]] if found else 0.0
    if seconds <= 0:
        raise Failure(FailureKind.INVALID, f"“{text}” is no time to watch.", "Write 30s, or 2m.")
    return seconds
