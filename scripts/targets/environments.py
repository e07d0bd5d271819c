"""A virtual environment for each target, and a server where it needs one."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import plumbing
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ENVIRONMENTS = plumbing.PLUGINS / "targets"
BUILD = "setuptools==80.9.0"  # later versions may not build old packages
S3 = ("moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5")

SERVE_S3 = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()  # until the parent closes the pipe
server.stop()
"""


class NoInterpreter(Exception):
    """The machine does not have this Python."""


class NotInstalled(Exception):
    """pip could not install the packages."""


def environment(requirements: Sequence[str], python: str = sys.executable, on_start: str = "") -> Path:
    """The folder of commands of a virtual environment with these packages, created once.

    `python` is the interpreter, or its name on the PATH. `on_start` is a line of Python that runs at each start.

    Raises:
        NoInterpreter: If the interpreter does not exist or does not run.
        NotInstalled: If pip fails.
    """
    version = _version(python)
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256("\n".join([version, BUILD, on_start, *requirements]).encode()).hexdigest()[:12]
    folder = ENVIRONMENTS / f"{requirements[0].split('==')[0].split('[')[0]}-{mark}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            make = [sys.executable, "-m", "virtualenv", "--quiet", "--clear", "--python", python, str(folder)]
            subprocess.run(make, check=True)
            (folder / "build.txt").write_text(BUILD)
            pip = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
            pip += ["--build-constraint", str(folder / "build.txt")]
            command: list[str | Path] = [folder / "bin" / "python", *pip, *requirements]
            if subprocess.run(command, check=False, capture_output=True, cwd=plumbing.ROOT).returncode:
                raise NotInstalled(f"pip cannot install {' '.join(requirements)}")
            (packages,) = folder.glob("lib/python*/site-packages")
            (packages / "on_start.pth").write_text(on_start)
            (folder / "installed").touch()
    return folder / "bin"


def _version(python: str) -> str:
    """An interpreter's version; pyenv may put commands on the PATH that do not run."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        command = [python, "-c", "import sys; print(sys.version)"]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout
    raise NoInterpreter(f"there is no {python} on this machine")


@contextlib.contextmanager
def no_server() -> Iterator[str]:
    """No server, for targets that write files."""
    yield ""


@contextlib.contextmanager
def object_store() -> Iterator[str]:
    """The address of an S3 server on this machine, with one empty bucket, `shop`."""
    command: list[str | Path] = [environment(S3) / "python", "-c", SERVE_S3]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as server:  # type: ignore[call-overload]
        address = server.stdout.readline().strip()
        requests.put(f"{address}/shop", timeout=10).raise_for_status()
        yield address
