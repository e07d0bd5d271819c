from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.errors import ExportStuck
from tap_exports.schema.layout import Definition
from tap_exports.schema.types import ColumnType
from tap_exports.store.models import (
    Export,
    ExportStatus,
    ExportType,
    Page,
    Webhook,
    WrongShape,
    definition_of,
    error_message,
    json_of,
    link_of,
    page_of,
    timezone_of,
    types_of,
)
from tap_exports.window import Window

BODY = {
    "id": 42,
    "created_at": "2025-04-01T12:00:00Z",
    "type": "order_list",
    "status": "pending",
    "date_from": "2025-01-01T00:00:00Z",
    "date_to": "2025-01-31T00:00:00Z",
    "url": "https://example.29next.store/api/admin/exports/42/",
}
FIELDS = [
    "id", "created_at", "type", "status", "date_from", "date_to", "url", "types", "code", "name", "key", "object",
    "enable_export", "results", "next", "timezone", "target", "detail",
]  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["pending", "available", "order_list", "2025-01-01T00:00:00.5Z", "7", "9" * 5000, "https://x/y"])
)
JSON = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=15,
)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def test_an_export_is_read():
    assert Export.of(BODY) == Export(
        id=42,
        type="order_list",
        status=ExportStatus.PENDING,
        created_at=at("2025-04-01T12:00:00"),
        window=Window(at("2025-01-01T00:00:00"), at("2025-01-31T00:00:00")),
    )
    assert Export.of({**BODY, "status": "available"}).status is ExportStatus.AVAILABLE
    assert Export.of({"id": "42"}) == Export(42, "", ExportStatus.PENDING, None, None)


@pytest.mark.parametrize(
    ("date_from", "date_to", "window"),
    [
        ("2025-01-01T02:00:00+02:00", "2025-01-01T01:00:00", ("2025-01-01T00:00:00", "2025-01-01T01:00:00")),
        ("2025-01-01T00:00:00.5Z", "2025-01-01T01:00:00.5Z", ("2025-01-01T00:00:01", "2025-01-01T01:00:00")),
        ("2025-01-01T00:00:00.2Z", "2025-01-01T00:00:00.8Z", None),
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z", None),
        (None, "2025-01-01T00:00:00Z", None),
        ("soon", "2025-01-01T00:00:00Z", None),
    ],
)
def test_an_exports_window_is_the_whole_seconds_that_it_covers(date_from, date_to, window):
    meant = window and Window(at(window[0]), at(window[1]))
    assert Export.of({**BODY, "date_from": date_from, "date_to": date_to}).window == meant


def test_types_are_read():
    found = [{"code": "order_list", "name": "Orders"}, {"code": "new_list"}, {"code": "order_list"}, {"code": ""}]
    assert types_of({"types": found}) == [ExportType("order_list", "order_list"), ExportType("new_list", "new_list")]
    assert types_of({"types": []}) == []


@pytest.mark.parametrize(("zone", "read"), [("US/Eastern", "US/Eastern"), ("", None), (None, None)])
def test_the_stores_zone_is_read(zone, read):
    assert timezone_of({"timezone": zone}) == timezone_of([{"timezone": zone}]) == read


@pytest.mark.parametrize(
    ("read", "body", "words"),
    [
        *(
            (read, {"id": number}, "no valid id")
            for read in (Export.of, Webhook.of)
            for number in (None, "x", True, "9" * 5000)
        ),
        *(
            (types_of, body, "list of export types|instead of the types")
            for body in (None, {}, {"types": ["order_list"]}, {"types": [{"code": 5}]})
        ),
        *((link_of, {"url": url}, "no link") for url in (None, 5, "ftp://x/y", "https://x/\n")),
        # Read as a store in UTC, these would shift every time that is written without an offset.
        *((timezone_of, body, "no time zone") for body in ({}, {"timezone": 5})),
        *(
            (lambda found: page_of(found, str), body, "no list|instead of a list")
            for body in (None, {"results": {}}, {"results": [], "next": 5})
        ),
    ],
    ids=lambda value: "" if callable(value) else str(value)[:40],
)
def test_a_response_of_another_shape_is_refused(read, body, words):
    with pytest.raises(WrongShape, match=words):
        read(body)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("text", ColumnType.STRING), ("integer", ColumnType.INTEGER), ("decimal", ColumnType.NUMBER),
        ("rich_text", ColumnType.STRING), ("Multi Text", ColumnType.STRING), ("file", ColumnType.STRING),
        ("boolean", ColumnType.BOOLEAN), ("colour", None), (None, None),
    ],
)  # fmt: skip
def test_a_definition_is_read(word, kind):
    body = {"name": "Gift Note", "key": "gift_note", "object": "order", "type": word, "enable_export": True}
    assert definition_of(body) == Definition("Gift Note", "gift_note", "order", kind)
    assert definition_of(body | {"enable_export": False}) is None
    del body["enable_export"]
    assert definition_of(body) is not None


def test_a_page_is_read():
    assert page_of({"next": "https://x/?cursor=2", "results": [1, 2]}, str) == Page("https://x/?cursor=2", ["1", "2"])
    assert page_of({"next": None, "results": []}, str) == Page(None, [])
    assert page_of({"next": "", "results": []}, str) == Page(None, [])
    assert page_of([1], str) == Page(None, ["1"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the response has an empty body"),
        (b"<html>\n<body>Down for\nmaintenance</body></html>", "the response has a body that is not JSON"),
        (b'{"a": ', "the response has a body that is not JSON"),
        (b"[" * 100_000, "the response has a body that is not JSON"),
    ],
)
def test_what_is_not_json_is_reported_without_its_text(content, words):
    """The text may contain a secret."""
    with pytest.raises(WrongShape) as error:
        json_of(content)
    assert str(error.value).startswith(words)
    assert len(str(error.value)) < 100
    assert not error.value.is_json


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"detail": "Invalid token."}', "Invalid token."),
        (b'{"date_to": ["Too early.", "Too\\nlate."]}', "date_to: Too early., Too late."),
        (b'{"type": ["Unknown."], "detail": "No."}', "type: Unknown.; No."),
        (b"{}", ""),
        (b"<html>", ""),
        (b'{"detail": "' + b"x" * 500 + b'"}', "x" * 300 + "…"),
    ],
)
def test_a_refusal_is_reported_in_the_apis_own_words(content, words):
    assert error_message(content) == words


@given(JSON)
def test_any_json_is_read_or_refused(body):
    """Reading any JSON raises nothing but WrongShape and ExportStuck."""
    for read in (
        Export.of, Webhook.of, types_of, link_of, timezone_of, definition_of,
        lambda found: page_of(found, Export.of), lambda found: page_of(found, definition_of),
    ):  # fmt: skip
        with suppress(WrongShape, ExportStuck):
            read(body)
    assert "\n" not in error_message(json.dumps(body).encode())
