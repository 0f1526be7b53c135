"""The command line: `kexplorer`, or `python -m kexplorer`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kexplorer import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["search"]:
        from kexplorer import cli  # noqa: PLC0415  (the client library: not for --help and --version)

        return cli.search(given[1:])
    if given[:1] == ["produce"]:
        from kexplorer import cli_produce  # noqa: PLC0415

        return cli_produce.produce(given[1:])
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
        epilog="Without a window: kexplorer search TOPIC, kexplorer produce TOPIC (see their --help).",
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
