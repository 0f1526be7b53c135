"""The command line: `kexplorer`, or `python -m kexplorer`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from kexplorer import __version__

_VERBS = {  # without a window: the module that has a function of this name
    "search": "cli",
    "produce": "cli_produce",
    "lag": "cli_lag",
    "replay": "cli_replay",
    "doctor": "cli_doctor",
    "lint": "cli_lint",
    "export": "cli_export",
    "restore": "cli_restore",
}


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in _VERBS:
        try:
            module = import_module(f"kexplorer.{_VERBS[given[0]]}")  # the client library: not for --help and --version
            return int(getattr(module, given[0])(given[1:]))
        except KeyboardInterrupt:  # before the verb could look after it
            print("kexplorer: interrupted.", file=sys.stderr)  # noqa: T201
            return 2
    options = _parser().parse_args(given)
    if options.tour or options.selftest:
        # Pictures and checks need no screen; with one, they use it only when told to.
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    elif sys.platform.startswith("linux") and not _has_display():
        print(  # noqa: T201
            "kexplorer: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set).\n"
            "Start it in a graphical session, or see it in pictures: kexplorer --demo --tour DIRECTORY",
            file=sys.stderr,
        )
        return 2
    from kexplorer import app  # noqa: PLC0415  (Qt: not for --help and --version)

    return app.run(app.Options(options.demo, options.tour, options.selftest))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kexplorer",
        description="A desktop explorer for Apache Kafka.",
        epilog=f"Without a window: kexplorer {', kexplorer '.join(_VERBS)} (see their --help).",
    )
    parser.add_argument("--version", action="version", version=f"Kafka Explorer {__version__}")
    parser.add_argument("--demo", action="store_true", help="start with an embedded broker and live sample data")
    parser.add_argument(
        "--tour", type=Path, metavar="DIRECTORY", help="render every view of the demo to PNG files, print their paths"
    )
    parser.add_argument(
        "--selftest", action="store_true", help="open the window, print versions and the time it took, and end"
    )
    return parser


def _has_display() -> bool:
    chosen = os.environ.get("QT_QPA_PLATFORM")
    return bool(chosen or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
