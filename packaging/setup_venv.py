"""Sets up `.venv` for the commands of the Makefile: `python3 packaging/setup_venv.py [--dev]`.

Needs Python and its standard library, nothing else. In order: system packages that are missing (Debian and Ubuntu),
a virtual environment, the packages that the lock names by hash, the program itself as an editable install.
A second run compares one file and ends. `.venv` belongs to this script: one that another Python made, that was moved,
or that an interrupted run left half done is made anew.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STATE = VENV / "setup-state"  # written last: its presence says that the set-up was completed
LOCK = ROOT / "packaging" / "requirements.txt"
DEV_LOCK = ROOT / "packaging" / "requirements-dev.txt"  # everything of LOCK in the same versions, and the tools

# What Qt opens on Linux and no wheel carries, with the Debian package that has it.
QT_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
}


def run(*command: str | Path) -> None:
    """Run a command with its output shown; its failure ends this script with the same exit code."""
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code != 0:
        print("\nSet-up failed at:", *command, file=sys.stderr)
        sys.exit(code)


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_packages() -> list[str]:
    """Names of the Debian packages that this machine lacks; empty on macOS and Windows."""
    if sys.platform != "linux":
        return []
    missing = [package for library, package in QT_LIBRARIES.items() if not loads(library)]
    if importlib.util.find_spec("ensurepip") is None:  # Debian splits it off Python
        missing.append(f"python3.{sys.version_info.minor}-venv")
    return missing


def install_system_packages() -> None:
    """Install what is missing with apt-get as root or by sudo without a password; otherwise say the command and end."""
    missing = missing_packages()
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") is None:
        sys.exit(f"System packages are missing. Install what your system calls these, and try again:\n\n    {names}\n")
    is_root = os.geteuid() == 0
    sudo = [] if is_root else ["sudo", "-n"]
    if not is_root and (shutil.which("sudo") is None or subprocess.run(["sudo", "-n", "true"], check=False).returncode):
        install = f"apt-get update && apt-get install -y --no-install-recommends {names}"
        sys.exit(f"System packages are missing. Run this as root and try again:\n\n    {install}\n")
    print(f"Installing system packages: {names}", flush=True)
    apt_get = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    subprocess.run([*apt_get, "update"], check=False)  # one broken source among many is no reason to stop
    run(*apt_get, "install", "-y", "--no-install-recommends", *missing)
    if still := missing_packages():
        sys.exit(f"apt-get installed {names}, but these are still not found: {' '.join(still)}")


def place() -> str:
    """The interpreter and the directory that a virtual environment is good for."""
    return f"{sys.implementation.cache_tag} of {sys.base_prefix} in {ROOT}"


def state(lock: Path) -> str:
    """What STATE holds after a completed set-up: the place, and a hash of all that decides what is installed."""
    decides = lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    return f"{place()}\n{hashlib.sha256(decides).hexdigest()}\n"


def set_up_venv(lock: Path) -> None:
    """Make or complete `.venv` from `lock`."""
    reusable = STATE.exists() and STATE.read_text("utf-8").startswith(f"{place()}\n")
    STATE.unlink(missing_ok=True)
    if not reusable:
        print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
        run(sys.executable, "-m", "venv", "--clear", VENV)
    python = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install")
    run(*pip, "--require-hashes", "--only-binary=:all:", "-r", lock)
    run(*pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT)
    STATE.write_text(state(lock), "utf-8")


def main() -> None:
    if not (3, 11) <= sys.version_info[:2] <= (3, 14):
        found = sys.version.split()[0]
        sys.exit(f"Python 3.11 to 3.14 is needed; this is {found}. Name another: make PYTHON=python3.12 ...")
    lock = DEV_LOCK if "--dev" in sys.argv[1:] else LOCK
    good_enough = {state(DEV_LOCK), state(lock)}
    if STATE.exists() and STATE.read_text("utf-8") in good_enough:
        return
    install_system_packages()
    set_up_venv(lock)


if __name__ == "__main__":
    main()
