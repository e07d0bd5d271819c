"""The faults, by place and by name."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from runs import CODE
from verifier import PLANTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_exports.sandbox import Sandbox

API = ("types", "store", "metadata", "list", "create", "poll", "link")
_JSON: dict[str, dict[str, Any]] = {
    "types": {
        "no keys": {},
        "null": {"types": None},
        "string ids": {"types": [{"code": 7, "name": "Orders"}]},
        "list": ["order_list"],
    },
    "store": {
        "no keys": {},
        "null": {"timezone": None},
        "string ids": {"timezone": 7},
        "list": ["US/Eastern"],
        "odd zone": {"timezone": "Mars/Phobos"},
    },
    "metadata": {
        "no keys": {},
        "null": {"next": None, "results": None},
        "string ids": {"next": None, "results": [{"id": "x", "name": 7, "key": None, "object": [], "type": 9}]},
        "list": [],
        "odd items": {"next": None, "results": [None, 7]},
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


def _always(**fault: Any) -> Callable[[Sandbox], Mapping[str, Any]]:
    return lambda _: fault


def _later(*, after: str) -> Callable[[Sandbox], Mapping[str, Any]]:
    return _always(kind="status", status=429, headers={"Retry-After": after})


def _retry_date(store: Sandbox) -> Mapping[str, Any]:
    header = format_datetime(store.now + timedelta(seconds=2), usegmt=True)
    return {"kind": "status", "status": 429, "headers": {"Retry-After": header}}


def _elsewhere(store: Sandbox) -> dict[str, Any]:
    return {"kind": "redirect", "location": f"{store.file_origin}/elsewhere?Signature={PLANTED}"}


CONNECTION = {
    "closed": _always(kind="refuse"),
    "reset": _always(kind="reset"),
    "hang": _always(kind="hang"),
    "stall": _always(kind="stall"),
    "then away": _always(kind="away", seconds=0.2),
    "then gone": _always(kind="away"),
    "429": _always(kind="status", status=429),
    "429 in 1 s": _later(after="1"),
    "429 until": _retry_date,
    "429 in a year": _later(after="31536000"),
    "429 some time": _later(after="some time"),
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
    "not gzip": _always(kind="status", status=200, headers={"Content-Encoding": "gzip"}, body=b"no gzip"),
    "redirect": _elsewhere,
    "redirect 308": lambda store: _elsewhere(store) | {"status": 308},
    "answer lost": _always(kind="lost"),
}
"""Faults of any request, by name."""


def patience(name: str) -> dict[str, Any]:
    """A short timeout, for faults that never end."""
    return {"export_timeout_minutes": 0.04} if name in {"never ready", "null", "string ids", "status null"} else {}


def rows_of(place: str) -> dict[str, Callable[[Sandbox], Mapping[str, Any]]]:
    """The faults of one call of the API."""
    shapes = _JSON["export" if place in {"create", "poll"} else place]
    rows = dict(CONNECTION) | {f"JSON: {n}": _always(kind="json", document=d) for n, d in shapes.items()}
    if place in {"create", "poll", "list"}:
        rows["unknown status"] = _always(kind="unknown_status")
    if place == "create":
        rows["never ready"] = _always(kind="never_ready")
    if place in {"list", "metadata", "webhooks"}:
        rows["next elsewhere"] = lambda store: {
            "kind": "json",
            "document": {"next": f"{store.file_origin}/elsewhere?Signature={PLANTED}", "results": []},
        }
    if place == "link":
        rows["expired"] = _always(kind="expire")
        rows["to nowhere"] = _always(kind="json", document={"url": f"http://127.0.0.1:1/x.csv?Signature={PLANTED}"})
        rows["to no host"] = _always(kind="json", document={"url": "http:///x.csv"})
        rows["to the API"] = lambda store: {"kind": "json", "document": {"url": f"{store.api_url}exports/types/"}}
    if place == "poll":
        rows["status null"] = lambda store: {
            "kind": "json",
            "document": {"id": store.exports[0].id if store.exports else 1, "type": CODE, "status": None},
        }
    return rows


FILE = {
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
"""Further faults of a file."""

DELIVERIES = {
    "delivery lost": _always(kind="lost"),
    "delivery slow": _always(kind="slow", seconds=1.0),
    "delivery odd": _always(kind="body", body="no JSON"),
    "delivery early": _always(kind="unknown_status"),
}
