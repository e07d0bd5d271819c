"""The rows of the matrix: a fault at a place, and the trial's settings."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults import API, CONNECTION, DELIVERIES, FILE, patience, rows_of
from verifier import WEBHOOK_SECRET

from tap_exports.sandbox import Fault

sys.path.append(str(Path(__file__).parent.parent / "scripts"))
from ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_exports.sandbox import Sandbox

TIMES: dict[str, tuple[int | None, int]] = {"once": (1, 0), "burst": (3, 0), "for ever": (None, 0), "later": (None, 2)}
"""How often a fault occurs, and how many requests pass before: `later` is forever, from the third on."""

_MAY_LACK = {"store": "store:read", "metadata": "metadata:read"}
_REFUSALS = {
    "store": {"403", "404", "JSON: null", "JSON: odd zone"},
    "metadata": {"400", "403", "404", "redirect", "redirect 308", "next elsewhere", "JSON: list", "JSON: string ids"},
}
"""Faults after which the run continues without the call's data, as promised."""


@dataclass(frozen=True)
class Trial:
    """One row of the matrix."""

    place: str
    name: str
    fault: Callable[[Sandbox], Mapping[str, Any]] | None
    """A fault's fields besides place and times; None for faults of this machine."""
    config: Mapping[str, Any] = field(default_factory=dict)
    machine: Callable[[int | None, int], Mapping[str, Any]] | None = None
    """For faults of this machine: the job's fields, by times and number before."""
    columns: tuple[str, ...] = tuple(TIMES)
    wastes: bool = False
    """Whether the export cannot be used, so that another one has to be created."""
    suspect: bool = False
    """Whether a fresh export of the window decides what to make of the file."""
    without: str = ""
    """A scope that the run may lack: the records may be those of a token without it."""
    bare: bool = False
    """Whether the catalog lacks the merchant's own columns: their types are requested then."""

    def arm(self, store: Sandbox, column: str) -> Mapping[str, Any]:
        """Add the fault; return the job's fields for faults of this machine."""
        times, after = TIMES[column]
        if self.machine is not None:
            return self.machine(times, after)
        assert self.fault is not None  # noqa: S101
        place = "webhooks" if self.place == "webhook" and "deliver" not in self.name else self.place
        store.add_fault(Fault(**{"place": place, "times": times, "after": after, **self.fault(store)}))
        return {}


def _hook() -> dict[str, Any]:
    port = free_port()
    return {
        "webhook_listen": f"127.0.0.1:{port}",
        "webhook_target_url": f"http://127.0.0.1:{port}/hook/",
        "webhook_secret": WEBHOOK_SECRET,
    }


def _clock(seconds: float, *, to_and_fro: bool = False) -> Callable[[int | None, int], Mapping[str, Any]]:
    return lambda _, after: {"clock": (after * 4, seconds, to_and_fro)}


def _jump(after: int, seconds: float) -> Callable[[int | None, int], Mapping[str, Any]]:
    return lambda _times, _after: {"clock": (after, seconds, False)}


def _call(place: str, name: str, fault: Callable[[Sandbox], Mapping[str, Any]]) -> Trial:
    """A row of one call of the API."""
    return Trial(
        place,
        name,
        fault,
        _config(place, name.removeprefix("JSON: ")),
        columns=_columns(place, name),
        wastes=name == "never ready",
        without=_MAY_LACK.get(place, "") if name in _REFUSALS.get(place, ()) else "",
        bare=place == "metadata",
    )


def _config(place: str, name: str) -> dict[str, Any]:
    """The settings for a fault of one call."""
    alone = {"max_concurrent_exports": 1} if place == "poll" else {}  # several pending exports are polled by the list
    return alone | (patience(name) if place in {"create", "poll"} else {})


def _columns(place: str, name: str) -> tuple[str, ...]:
    if name == "then gone":
        return _ONCE
    if place == "file" and name in _CONFIRMED:
        return _CONFIRMED[name]
    return _THREE if place in {"types", "store", "metadata", "list"} else tuple(TIMES)  # requested once in a run


def trials() -> list[Trial]:
    """All rows, by place."""
    found = [_call(place, name, fault) for place in API for name, fault in rows_of(place).items()]
    files = {name: fault for name, fault in CONNECTION.items() if name != "answer lost"} | FILE
    found += [
        Trial("file", name, fault, columns=_columns("file", name), suspect=name in _SUSPECT)
        for name, fault in files.items()
    ]
    hooks = rows_of("webhooks") | DELIVERIES
    found += [
        Trial("webhook", name, fault, {"hook": True}, columns=_columns("webhook", name))
        for name, fault in hooks.items()
    ]
    day = 86400.0
    found += [
        Trial("machine", "disk full", None, machine=lambda times, after: {"full_disk": (after, times or 10**6)}),
        Trial("machine", "output full", None, machine=lambda _, after: {"full_output": after}, columns=_EVER),
        Trial("machine", "clock +1 day", None, machine=_clock(day), columns=_EVER),
        Trial("machine", "clock -1 day", None, machine=_clock(-day), columns=_EVER),
        Trial("machine", "clock to, fro", None, machine=_clock(day, to_and_fro=True), columns=_EVER),
        Trial("machine", "clock -50 years", None, machine=_clock(-50 * 365 * day), columns=_EVER),
    ]
    # Once, at each of the first readings of the clock: between two of them the run decides its end.
    found += [Trial("machine", f"clock jump {n}", None, machine=_jump(n, day), columns=_EVER[:1]) for n in range(1, 7)]
    return found


def settings_of(trial: Trial) -> dict[str, Any]:
    """The settings of a trial, including a free port."""
    config = dict(trial.config)
    return (config | _hook()) if config.pop("hook", False) else config


_SUSPECT = {"empty", "over-long", "ends early", "key twice", "key blank"}
_ONCE = ("once",)
_THREE = ("once", "burst", "for ever")
_EVER = ("for ever", "later")
_CONFIRMED = {"empty": _ONCE, "over-long": ("once", "burst"), "ends early": ("once", "burst")}
"""How often these may occur: where a second export is the same, its file is accepted with a warning."""
