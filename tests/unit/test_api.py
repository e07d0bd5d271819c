from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tap_exports.schema.layout import Definition
from tap_exports.schema.types import ColumnType
from tap_exports.store.models import (
    Export,
    WrongShape,
    definition_of,
    error_message,
    link_of,
    page_of,
    types_of,
    webhook_of,
)
from tap_exports.window import Window


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def test_an_export_may_have_its_id_only():
    assert Export.of({"id": "42"}) == Export(42, "", None, None, available=False)


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
    assert Export.of({"id": 42, "date_from": date_from, "date_to": date_to}).window == meant


def test_types_are_read():
    found = [{"code": "order_list", "name": "Orders"}, {"code": "new_list"}, {"code": "order_list"}, {"code": ""}]
    assert types_of({"types": found}) == ["order_list", "new_list"]


def test_a_page_is_read():
    """A plain list is its only page."""
    assert page_of({"next": "https://x/?cursor=2", "results": [1, 2]}, str) == (["1", "2"], "https://x/?cursor=2")
    assert page_of({"next": "", "results": []}, str) == page_of({"next": None, "results": []}, str) == ([], None)
    assert page_of([1], str) == (["1"], None)


@pytest.mark.parametrize(
    ("read", "body", "words"),
    [
        *((read, {"id": id_}, "no valid id") for read in (Export.of, webhook_of) for id_ in (None, True, "9" * 5000)),
        *(
            (types_of, body, "instead of the types|list of export types")
            for body in (None, {}, {"types": [{"code": 5}]})
        ),
        *((link_of, {"url": url}, "no link") for url in (None, 5, "ftp://x/y", "https://x/\n")),
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
        *((word, ColumnType.STRING) for word in ("text", "rich_text", "Multi Text", "file")),
        ("integer", ColumnType.INTEGER), ("decimal", ColumnType.NUMBER), ("boolean", ColumnType.BOOLEAN),
        *((word, None) for word in ("colour", None)),
    ],
)  # fmt: skip
def test_a_definition_is_read_if_it_is_in_exports(word, kind):
    body = {"name": "Gift Note", "key": "gift_note", "object": "order", "type": word}
    assert definition_of(body) == Definition("Gift Note", "gift_note", "order", kind)
    assert definition_of(body | {"enable_export": False}) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"date_to": ["Too early.", "Too\\nlate."]}', "date_to: Too early., Too late."),
        (b'{"type": ["Unknown."], "detail": "No."}', "type: Unknown.; No."),
        (b"<html>", ""),
        (b'{"detail": "' + b"x" * 500 + b'"}', "x" * 300 + "…"),
    ],
)
def test_a_refusal_is_reported_in_the_apis_own_words(content, words):
    assert error_message(content) == words
