"""The faults that are tried, and where."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from runs import CODE, PLANTED, WEBHOOK_SECRET

from tap_exports.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_exports.sandbox import Sandbox

TIMES: dict[str, tuple[int | None, int]] = {"once": (1, 0), "burst": (3, 0), "for ever": (None, 0), "later": (None, 2)}
"""How often a fault hits, and how many requests pass before: `later` is for ever, from the third on."""

API = ("types", "list", "create", "look", "link", "webhooks")
_JSON: dict[str, dict[str, Any]] = {
    "types": {
        "no keys": {},
        "null": {"types": None},
        "string ids": {"types": [{"code": 7, "name": "Orders"}]},
        "list": ["order_list"],
    },
    "list": {
        "no keys": {},
        "null": {"next": None, "previous": None, "results": None},
        "string ids": {"next": None, "results": [{"id": "4711", "type": CODE, "status": "pending"}]},
        "list": [],
        "object": {"results": {"id": 1}},
        "odd items": {"next": None, "results": [None, 7, {"id": None}]},
    },
    "export": {
        "no keys": {},
        "null": {"id": None, "type": None, "status": None, "created_at": None},
        "string ids": {"id": "no number", "type": CODE, "status": "pending"},
        "list": [{"id": 1}],
    },
    "link": {"no keys": {}, "null": {"url": None}, "string ids": {"url": 7}, "list": ["https://127.0.0.1/"]},
    "webhooks": {"no keys": {}, "null": {"results": None}, "string ids": {"id": "no number"}, "list": [1, 2]},
}


@dataclass(frozen=True)
class Trial:
    """One row of the matrix."""

    place: str
    name: str
    fault: Callable[[Sandbox], Mapping[str, Any]] | None
    """What of a fault is neither place nor times; None where it is this machine that is at fault."""
    config: Mapping[str, Any] = field(default_factory=dict)
    machine: Callable[[int | None, int], Mapping[str, Any]] | None = None
    """For this machine's own faults: what the run is to suffer, from how often and after how many."""
    store: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = tuple(TIMES)
    wastes: bool = False
    """Whether what it spoils can never be used, so that another export has to be made."""

    def arm(self, store: Sandbox, column: str) -> Mapping[str, Any]:
        """Let it happen; what the run itself is to suffer."""
        times, after = TIMES[column]
        if self.machine is not None:
            return self.machine(times, after)
        assert self.fault is not None  # noqa: S101
        place = "webhooks" if self.place == "webhook" and "deliver" not in self.name else self.place
        store.add_fault(Fault(**{"place": place, "times": times, "after": after, **self.fault(store)}))
        return {}


def _always(**fault: Any) -> Callable[[Sandbox], Mapping[str, Any]]:
    return lambda _: fault


def _retry_date(store: Sandbox) -> Mapping[str, Any]:
    header = format_datetime(store.now + timedelta(seconds=2), usegmt=True)
    return {"kind": "status", "status": 429, "headers": {"Retry-After": header}}


def _elsewhere(store: Sandbox) -> Mapping[str, Any]:
    return {"kind": "redirect", "location": f"{store.file_origin}/elsewhere?Signature={PLANTED}"}


CONNECTION = {
    "closed": _always(kind="refuse"),
    "reset": _always(kind="reset"),
    "hang": _always(kind="hang"),
    "429": _always(kind="status", status=429),
    "429 in 1 s": _always(kind="status", status=429, headers={"Retry-After": "1"}),
    "429 until": _retry_date,
    "500": _always(kind="status", status=500),
    "502 page": _always(kind="status", status=502, body="<html><body>Bad gateway</body></html>"),
    "503 in 1 s": _always(kind="status", status=503, headers={"Retry-After": "1"}),
    "504": _always(kind="status", status=504),
    "400": _always(kind="status", status=400, body='{"detail": "No."}'),
    "401": _always(kind="status", status=401, body='{"detail": "Invalid token."}'),
    "403": _always(kind="status", status=403, body='{"detail": "You may not."}'),
    "404": _always(kind="status", status=404, body='{"detail": "Not found."}'),
    "HTML": _always(kind="html"),
    "empty": _always(kind="empty"),
    "cut": _always(kind="cut"),
    "over-long": _always(kind="overlong"),
    "short length": _always(kind="wrong_length"),
    "redirect": _elsewhere,
    "answer lost": _always(kind="lost"),
}
"""What can happen to any request, by the word in the table."""


def _patience(name: str) -> dict[str, Any]:
    """A short wait, where the fault is that there is nothing to wait for."""
    return {"export_timeout_minutes": 0.04} if name in {"never ready", "null", "string ids", "status null"} else {}


def _rows_of(place: str) -> dict[str, Callable[[Sandbox], Mapping[str, Any]]]:
    """The faults of one call of the API."""
    shapes = _JSON["export" if place in {"create", "look"} else place]
    rows = dict(CONNECTION) | {f"JSON: {n}": _always(kind="json", document=d) for n, d in shapes.items()}
    if place in {"create", "look", "list"}:
        rows["unknown status"] = _always(kind="unknown_status")
    if place == "create":
        rows["never ready"] = _always(kind="never_ready")
    if place == "list":
        rows["next elsewhere"] = lambda store: {
            "kind": "json",
            "document": {"next": f"{store.file_origin}/elsewhere?Signature={PLANTED}", "results": []},
        }
    if place == "link":
        rows["expired"] = _always(kind="expire")
        rows["to nowhere"] = _always(kind="json", document={"url": f"http://127.0.0.1:1/x.csv?Signature={PLANTED}"})
        rows["to no host"] = _always(kind="json", document={"url": "http:///x.csv"})
        rows["to the API"] = lambda store: {"kind": "json", "document": {"url": f"{store.api_url}exports/types/"}}
    if place == "look":
        rows["status null"] = lambda store: {
            "kind": "json",
            "document": {"id": store.exports[0].id if store.exports else 1, "type": CODE, "status": None},
        }
    return rows


FILE = {
    "one row": _always(kind="body", body="Order Number\r\n"),
    "no rows": _always(kind="body", body="Order Number,Order Date,Status\r\n"),
    "another's": _always(kind="body", body="Colour,Size\r\nred,7\r\n"),
    "ragged": _always(kind="body", body="Order Number,Status\r\n1001\r\n1002,a,b\r\n"),
    "key twice": _always(kind="body", body="Order Number,Status\r\n1001,a\r\n1001,b\r\n"),
    "key blank": _always(kind="body", body="Order Number,Status\r\n,a\r\n1002,b\r\n"),
    "open quote": _always(kind="body", body='Order Number,Status\r\n1001,"a\r\n1002,b\r\n'),
    "XML error": _always(kind="body", body='<?xml version="1.0"?>\n<Error><Code>SlowDown</Code></Error>'),
    "JSON error": _always(kind="json", document={"detail": "Not found."}),
    "not UTF-8": _always(kind="body", body=b"Order Number,Status\r\n1001,\xff\xfe\r\n"),
    "410": _always(kind="status", status=410),
    "416": _always(kind="status", status=416),
    "cut early": _always(kind="cut", keep=10),
    "cut at 0": _always(kind="cut", keep=0),
    "ends early": _always(kind="overlong", keep=400),
    "loop": lambda store: {"kind": "redirect", "location": f"{store.file_origin}/exports/1/order_list.csv"},
}
"""What can be wrong with a file besides."""
_HARMLESS = {"no rows", "one row"}

DELIVERIES = {
    "delivery lost": _always(kind="lost"),
    "delivery slow": _always(kind="slow", seconds=1.0),
    "delivery odd": _always(kind="body", body="no JSON"),
    "delivery early": _always(kind="unknown_status"),
}


def _hook() -> dict[str, Any]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        "webhook_listen": f"127.0.0.1:{port}",
        "webhook_target_url": f"http://127.0.0.1:{port}/hook/",
        "webhook_secret": WEBHOOK_SECRET,
    }


def _clock(seconds: float, *, to_and_fro: bool = False) -> Callable[[int | None, int], Mapping[str, Any]]:
    return lambda _, after: {"clock": (after * 4, seconds, to_and_fro)}


def _jump(after: int, seconds: float) -> Callable[[int | None, int], Mapping[str, Any]]:
    return lambda _times, _after: {"clock": (after, seconds, False)}


def trials() -> list[Trial]:
    """All rows, by place."""
    found = [
        Trial(
            place,
            name,
            fault,
            _patience(name.removeprefix("JSON: ")) if place in {"create", "look"} else {},
            columns=_THREE if place in {"types", "list"} else tuple(TIMES),  # asked once in a run
            wastes=name == "never ready",
        )
        for place in API[:-1]
        for name, fault in _rows_of(place).items()
    ]
    files = {name: fault for name, fault in CONNECTION.items() if name != "answer lost"} | FILE
    found += [Trial("file", name, fault) for name, fault in files.items() if name not in _HARMLESS]
    hooks = _rows_of("webhooks") | DELIVERIES
    found += [Trial("webhook", name, fault, {"hook": True}) for name, fault in hooks.items()]
    day = 86400.0
    found += [
        Trial("machine", "disk full", None, machine=lambda times, _: {"full_disk": times or 10**6}, columns=_THREE),
        Trial("machine", "clock +1 day", None, machine=_clock(day), columns=_EVER),
        Trial("machine", "clock -1 day", None, machine=_clock(-day), columns=_EVER),
        Trial("machine", "clock to, fro", None, machine=_clock(day, to_and_fro=True), columns=_EVER),
        Trial("machine", "clock -50 years", None, machine=_clock(-50 * 365 * day), columns=_EVER),
    ]
    # Once, at each of the first looks at the clock: between two of them the run decides where it ends.
    found += [Trial("machine", f"clock jump {n}", None, machine=_jump(n, day), columns=_EVER[:1]) for n in range(1, 7)]
    return found


def settings_of(trial: Trial) -> dict[str, Any]:
    """The settings that a trial needs, a free port included."""
    config = dict(trial.config)
    return (config | _hook()) if config.pop("hook", False) else config


_THREE = ("once", "burst", "for ever")
_EVER = ("for ever", "later")
