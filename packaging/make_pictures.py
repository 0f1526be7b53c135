"""Makes the README's pictures from the running demo, under Xvfb: `make pictures`.

Needs xvfb-run, and fonts for what the demo shows (on Debian: apt-get install xvfb xauth fonts-noto-cjk).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURES = (
    *("messages-light", "messages-dark", "topics-light", "headers-dark", "search-light", "fields-dark"),
    *("group-light", "entity-dark", "correlation-light", "replay-dry-run-dark"),
)
FOLDER = Path(__file__).parents[1] / ".github" / "pictures"


def main() -> None:
    program = Path(sys.executable).with_name("kexplorer")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        command: list[str | Path] = [
            "xvfb-run",
            "-a",
            "-s",
            "-screen 0 1920x1080x24",
            program,
            "--demo",
            "--tour",
            made,
        ]
        subprocess.run(command, check=True, env=os.environ | {"QT_QPA_PLATFORM": "xcb"})
        for name in PICTURES:
            shutil.copy(Path(made) / f"{name}.png", FOLDER)


if __name__ == "__main__":
    main()
