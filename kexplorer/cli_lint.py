"""Composition root of `kexplorer lint`: a client's configuration in a file, checked and rewritten."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from kexplorer.formats.client_settings import Client, Dialect
from kexplorer.services.config_check import Checked, check_config

FINE, FOUND, UNREADABLE = range(3)
_MOST = 1 << 20  # bytes of a file


def lint(arguments: Sequence[str]) -> int:
    """`kexplorer lint`; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    try:
        with sys.stdin if options.file == "-" else Path(options.file).open(encoding="utf-8") as file:
            text = file.read(_MOST + 1)
    except (OSError, UnicodeDecodeError) as error:
        _say(f"kexplorer: {options.file} cannot be read: {error}")
        return UNREADABLE
    client = Client(options.client) if options.client else None
    checked = check_config(text, client, Dialect(options.dialect) if options.dialect else None)
    if options.rewrite:
        print(checked.rewritten, end="")  # noqa: T201
    elif options.json:
        print(json.dumps(dataclasses.asdict(checked), indent=2))  # noqa: T201
    else:
        _tell(options.file, checked)
    return FOUND if checked.findings else FINE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kexplorer lint",
        description="Check the configuration of a client: a .properties or .conf file, JSON, or a Python dict.",
        epilog="Exit code: 0 nothing was found, 1 something was, 2 the file cannot be read.",
    )
    parser.add_argument("file", metavar="FILE", help="- for standard input")
    parser.add_argument("--for", dest="client", choices=list(Client), help="otherwise guessed from the settings")
    parser.add_argument("--dialect", choices=list(Dialect), help="whose names they are; otherwise guessed")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="the findings as JSON")
    how.add_argument("--rewrite", action="store_true", help="print the same in the other dialect instead")
    return parser


def _tell(name: str, checked: Checked) -> None:
    for each in checked.findings:
        where = f"{name}:{each.line}" if each.line else name
        print(f"{where}: {each.severity}: {each.text}" + (f" {each.remedy}" if each.remedy else ""))  # noqa: T201
    number = len(checked.findings)
    told = f"{number} findings" if number != 1 else "1 finding"
    _say(f"{told if number else 'Nothing found'}, as a {checked.client} of {checked.source}.")


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
