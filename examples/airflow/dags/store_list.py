"""Read and check stores.yml. Plain Python: nothing of Airflow is imported here."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).with_name("stores.yml")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
STORE_KEYS = {"name", "token", "schedule", "timeout_hours", "queue", "backfill"}
BACKFILL_KEYS = {"start", "end", "every"}


@dataclass(frozen=True)
class Backfill:
    """The older history of one store, loaded in pieces.

    Attributes:
        start: Where the history starts.
        end: Where it ends: the `start_date` of the nightly extractor.
        every: Cron expression or preset; each of its intervals is one piece.
    """

    start: datetime
    end: datetime
    every: str = "@monthly"


@dataclass(frozen=True)
class Store:
    """One store.

    Attributes:
        name: `north` is loaded by the extractor `shop-north`.
        token: Name of the environment variable that holds the store's token on the workers.
        schedule: Cron expression or preset, in UTC; None for runs started by hand.
        timeout_hours: A run that takes longer is ended and retried.
        queue: Only workers that serve this queue take the store; None for the default queue.
        pool: Pool of one slot that all runs with the same token share; None where there is only one.
        backfill: Older history, if any.
    """

    name: str
    token: str
    schedule: str | None = None
    timeout_hours: float = 6
    queue: str | None = None
    pool: str | None = None
    backfill: Backfill | None = None


def read(path: Path = PATH) -> tuple[list[Store], list[str]]:
    """The valid stores, and one line for each entry that is not.

    Raises:
        ValueError: The file as a whole cannot be used.
    """
    document = yaml.safe_load(path.read_text())
    entries = document.get("stores") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{path.name} must have a list named `stores`, of mappings with `name` and `token`")
    defaults = document.get("defaults") or {}
    found: dict[str, dict[str, Any]] = {}
    problems = []
    for number, entry in enumerate(entries, start=1):
        try:
            _add(found, {**defaults, **entry})
        except ValueError as error:  # noqa: PERF203  # each entry on its own
            problems.append(f"{path.name}, store {number} ({entry.get('name')}): {error}.")
    runs = Counter(store["token"] for store in found.values())
    runs.update(store["token"] for store in found.values() if store.get("backfill"))
    shared = {token for token, times in runs.items() if times > 1}
    return [Store(**one, pool=one["token"] if one["token"] in shared else None) for one in found.values()], problems


def _add(found: dict[str, dict[str, Any]], store: dict[str, Any]) -> None:
    """Check one entry, with the defaults of the file, and add it by its name."""
    _only(store, STORE_KEYS)
    name, token = str(store.get("name") or ""), str(store.get("token") or "")
    if "--" in name:
        raise ValueError(f"the name contains `--`, which Meltano takes for an extra. Use {name.replace('--', '-')}")
    if not NAME.fullmatch(name):
        raise ValueError("the name must be lower-case letters, digits and single hyphens, as in north-2")
    if name.endswith("-backfill"):
        raise ValueError("names that end in -backfill are reserved. Use the key `backfill` of the store instead")
    if name in found:
        raise ValueError("the name is used by an earlier entry, which is kept. Give each store its own name")
    if not token:
        variable = f"SHOP_{name.upper().replace('-', '_')}_TOKEN"
        raise ValueError(f"no token. Add the name of the variable that holds it on the workers: token: {variable}")
    if not VARIABLE.fullmatch(token):  # it may be the token itself: never show it
        raise ValueError("`token` must be the name of an environment variable, such as SHOP_NORTH_TOKEN, not a token")
    if store.get("backfill") is not None:
        store["backfill"] = _backfill(store["backfill"])
    store["timeout_hours"] = _hours(store.get("timeout_hours", Store.timeout_hours))
    found[name] = store


def _hours(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise ValueError(f"timeout_hours: {value} is not a number") from None


def _backfill(given: object) -> Backfill:
    if not isinstance(given, dict) or not {"start", "end"} <= given.keys():
        raise ValueError("`backfill` needs `start` and `end`, such as 2023-01-01")
    _only(given, BACKFILL_KEYS)
    start, end = (_midnight(given[name]) for name in ("start", "end"))
    if start >= end:
        raise ValueError("`start` of the backfill must be before its `end`")
    return Backfill(start, end, str(given.get("every", Backfill.every)))


def _only(given: dict[str, Any], known: set[str]) -> None:
    if unknown := given.keys() - known:
        raise ValueError(f"unknown key {', '.join(sorted(map(str, unknown)))}. Known: {', '.join(sorted(known))}")


def _midnight(value: object) -> datetime:
    """A day in UTC."""
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=timezone.utc)
    except ValueError:
        raise ValueError(f"{value} is not a date such as 2023-01-01") from None
