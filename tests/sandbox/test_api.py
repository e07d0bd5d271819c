from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.sandbox.options import SCOPES

from .conftest import END, START, fetch


def test_an_export_goes_from_pending_to_its_file(open_store):
    store, call = open_store(ready_seconds=60, frozen=True)
    created = call.create()
    export = created.json()
    assert created.status_code == 201
    assert export == {
        "id": 42,
        "created_at": "2025-03-04T15:30:00Z",
        "type": "order_list",
        "status": "pending",
        "date_from": START,
        "date_to": END,
        "url": f"{store.api_url}exports/42/",
    }
    assert call.get("exports/42/").json() == export
    too_early = call.get("exports/42/download/")
    assert (too_early.status_code, list(too_early.json())) == (400, ["detail"])
    store.advance(timedelta(seconds=60))
    assert call.get(export["url"]).json() == {**export, "status": "available"}
    assert call.link().startswith(store.file_origin)
    answer = fetch(call.link())
    assert answer.headers["Content-Type"] == "text/csv"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.content == store.file(42)
    assert [one.downloads for one in store.exports] == [1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "nope"}, "type"),
        ({"type": None}, "type"),
        ({"date_from": None}, "date_from"),
        ({"date_from": "2024-02-03T00:00:00"}, "date_from"),
        ({"date_from": END, "date_to": START}, "date_to"),
    ],
    ids=str,
)
def test_an_invalid_create_names_the_field(call, store, change, field):
    answer = call.post("exports/", json={"type": "order_list", "date_from": START, "date_to": END} | change)
    assert answer.status_code == 400
    assert [list(answer.json()), isinstance(answer.json()[field][0], str)] == [[field], True]
    assert store.exports == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("exports/types/", {"Authorization": None}, 401),
        ("exports/types/", {"X-29Next-Api-Version": None}, 400),
        ("exports", {}, 404),
        ("exports/9/download/", {}, 404),
    ],
    ids=str,
)
def test_a_wrong_request_is_refused_with_its_reason(call, path, headers, status):
    answer = call.get(path, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])


CALLS = {
    ("GET", "exports/types/"): "exports:read",
    ("GET", "exports/"): "exports:read",
    ("GET", "exports/42/"): "exports:read",
    ("POST", "exports/"): "exports:write",
    ("GET", "store/"): "store:read",
    ("GET", "metadata/"): "metadata:read",
    ("GET", "webhooks/"): "webhooks:read",
    ("POST", "webhooks/"): "webhooks:write",
    ("DELETE", "webhooks/1/"): "webhooks:write",
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_without_a_scope_is_403_for_its_calls_only(open_store, scope):
    _, call = open_store(scopes=set(SCOPES) - {scope})
    refused = {one for one in CALLS if call.request(*one).status_code == 403}
    assert refused == {one for one, needed in CALLS.items() if needed == scope}


def test_the_list_filters_by_type_and_by_the_day_in_its_zone(open_store):
    def ids(query):
        return [one["id"] for one in call.get(f"exports/?{query}").json()["results"]]

    store, call = open_store(frozen=True)  # 15:30 UTC is 10:30 in US/Eastern
    call.create("order_list")
    call.create("customer_list")
    store.advance(timedelta(hours=10))  # the next day in UTC, the same one in the store
    call.create("order_list")
    assert ids("type=order_list") == [44, 42]
    assert ids("date_created_from=2025-03-05") == []
    assert ids("date_created_from=2025-03-04&date_created_to=2025-03-04") == [44, 43, 42]
    store, call = open_store(frozen=True, list_timezone="UTC")
    store.advance(timedelta(hours=10))
    call.create()
    assert ids("date_created_from=2025-03-05") == [42]
