from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.sandbox.options import SCOPES

from .conftest import END, NOW, START, fetch

CODES = [
    "order_list",
    "order_line_items",
    "customer_list",
    "transaction_list",
    "dispute_list",
    "subscription_list",
    "subscription_line_items",
    "open_cart_list",
    "open_cart_line_items",
    "return_list",
    "return_line_items",
    "fulfillment_list",
    "fulfillment_line_items",
]


def test_the_types_are_the_platforms_thirteen(call):
    types = call.get("exports/types/").json()["types"]
    assert [one["code"] for one in types] == CODES
    assert types[0] == {"code": "order_list", "name": "Orders"}


def test_an_export_goes_from_pending_to_its_file(open_store):
    """The export is created pending, becomes available, and its link leads to exactly the store's bytes."""
    store, call = open_store(ready_seconds=60, frozen=True)
    created = call.create()
    assert created.status_code == 201
    export = created.json()
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
    link = call.link(42)
    assert link.startswith(store.file_origin)
    answer = fetch(link)
    assert answer.headers["Content-Type"] == "text/csv"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.content == store.file(42)
    assert [one.downloads for one in store.exports] == [1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "nope", "date_from": START, "date_to": END}, "type"),
        ({"date_from": START, "date_to": END}, "type"),
        ({"type": "order_list", "date_to": END}, "date_from"),
        ({"type": "order_list", "date_from": START}, "date_to"),
        ({"type": "order_list", "date_from": "yesterday", "date_to": END}, "date_from"),
        ({"type": "order_list", "date_from": "2024-02-30T00:00:00Z", "date_to": END}, "date_from"),
        ({"type": "order_list", "date_from": "2024-02-03T00:00:00", "date_to": END}, "date_from"),
        ({"type": "order_list", "date_from": END, "date_to": START}, "date_to"),
    ],
)
def test_an_invalid_create_names_the_field(call, store, body, field):
    answer = call.post("exports/", json=body)
    assert answer.status_code == 400
    assert [list(answer.json()), isinstance(answer.json()[field][0], str)] == [[field], True]
    assert store.exports == []


@pytest.mark.parametrize("header", ["Authorization", "X-29Next-Api-Version"])
def test_both_headers_are_required(call, header):
    answer = call.get("exports/types/", headers={header: None})
    assert answer.status_code == (401 if header == "Authorization" else 400)
    assert list(answer.json()) == ["detail"]


@pytest.mark.parametrize("path", ["nothing/", "exports", "exports/9/", "exports/9/download/", "webhooks/9"])
def test_an_unknown_path_is_404(call, path):
    answer = call.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


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


def test_metadata_definitions_are_listed_with_their_switch(open_store):
    """Of all types, also of objects without an export; keys are unique, names are not."""
    _, call = open_store(page_size=7)
    url, found = "metadata/", []
    while url:
        page = call.get(url).json()
        found += page["results"]
        url = page["next"]
    assert len(found) == len({one["id"] for one in found}) == len({one["key"] for one in found}) > 7
    assert len({(one["object"], one["name"]) for one in found}) < len(found)
    types = {"text", "integer", "decimal", "rich_text", "multi_text", "file", "boolean"}
    assert {one["type"] for one in found} == types
    assert {"blog", "page"} <= {one["object"] for one in found}
    switches = {one["key"]: one["enable_export"] for one in found}
    assert (switches["signed_form"], switches["vip"]) == (False, True)


def test_null_dates_and_a_missing_status_are_options(open_store):
    store, call = open_store(null_dates=True, omit_status=True, ready_seconds=5, frozen=True)
    export = call.create().json()
    assert "status" not in export
    assert (export["date_from"], export["date_to"]) == (None, None)
    store.advance(timedelta(seconds=5))
    assert call.get("exports/42/").json()["status"] == "available"


def test_the_request_log_holds_requests_as_they_were_sent(store, call):
    export = call.create().json()
    call.get("exports/?type=order_list&cursor=")
    fetch(call.link(export["id"]))
    create, browse, link, file = store.log
    assert (create.host, create.place, create.method, create.status) == ("api", "create", "POST", 201)
    assert create.body == {"type": "order_list", "date_from": START, "date_to": END}
    assert create.headers["Authorization"] == f"Bearer {store.token}"
    assert (browse.place, browse.path, browse.query) == (
        "list",
        "/api/admin/exports/",
        {"type": "order_list", "cursor": ""},
    )
    assert (link.place, file.place, file.host, file.fault) == ("link", "file", "file", None)
    assert "Authorization" not in file.headers
    assert NOW <= create.time <= file.time
    assert store.count() == 4
    assert store.count(place="create", status=201) == 1
    assert store.count(place="poll") == 0
