"""Running a target with the tap's output."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import plumbing

from targets.comparing import Finding, compare
from targets.environments import environment
from targets.listed import MAPPER
from targets.recording import last_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from targets.listed import Target
    from targets.recording import Sync


def attempt(target: Target, syncs: list[Sync], folder: Path) -> Iterator[Finding]:
    """Feed a target with one sync after another; the results end with one whose rows cannot be read.

    `folder`, which must not exist, is for all that the target writes.

    Raises:
        NoInterpreter: If the machine does not have its Python.
        NotInstalled: If pip could not install it.
    """
    commands = environment(target.requirements, target.python, target.on_start)
    folder.mkdir()
    with target.server() as server:
        for number, sync in enumerate(syncs, start=1):
            ended, answer = _feed(target, commands, _mapped(target, sync, folder), folder, server)
            lines = [line for line in answer.splitlines() if line.strip()]
            with sync.messages.open() as source:
                state = bool(lines) and json.loads(lines[-1]) == last_state(source)
            try:
                tables = target.read(commands / "python", folder, server)
                yield compare(target, syncs[:number], tables, ended, state=state)
            except (subprocess.CalledProcessError, sqlite3.Error, KeyError) as error:
                yield Finding(f"{ended} (unreadable: {error!r})", state)
                return


def _mapped(target: Target, sync: Sync, folder: Path) -> Path:
    """The messages, after the mapper if there is one."""
    if not target.mapper:
        return sync.messages
    (folder / "map.json").write_text(json.dumps(target.mapper))
    messages = folder / f"mapped-{sync.messages.name}.txt"
    command: list[str | Path] = [environment(MAPPER) / "meltano-map-transform", "--config", folder / "map.json"]
    with sync.messages.open("rb") as source, messages.open("wb") as sink:
        subprocess.run(command, stdin=source, stdout=sink, stderr=subprocess.DEVNULL, check=True, cwd=folder)
    return messages


def _feed(target: Target, commands: Path, messages: Path, folder: Path, server: str) -> tuple[str, str]:
    """Run the target on one run of the tap; its exit code with its last log line, and its stdout."""
    text = json.dumps(target.config).replace("{folder}", str(folder)).replace("{server}", plumbing.sqlalchemy(server))
    (folder / "config.json").write_text(text)
    command: list[str | Path] = [commands / target.name, "--config", folder / "config.json"]
    with messages.open("rb") as source:
        done = subprocess.run(command, stdin=source, capture_output=True, text=True, check=False, cwd=folder)
    (folder / f"{messages.stem}.log").write_text(done.stderr)
    words = [line for line in done.stderr.splitlines() if line.strip()]
    return "0" if not done.returncode else f"{done.returncode}: {words[-1] if words else ''}", done.stdout
