from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import requests

from tap_exports.sandbox import Scope

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


def test_the_types_are_the_thirteen_of_the_platform(call):
    """`exports/types/` lists codes and names."""
    types = call.get("exports/types/").json()["types"]
    assert [one["code"] for one in types] == CODES
    assert types[0] == {"code": "order_list", "name": "Orders"}


def test_the_platform_can_add_a_type(open_store):
    """An extra type is listed, and can be exported."""
    store, call = open_store(extra_types=("gift_card_list",))
    assert {"code": "gift_card_list", "name": "Gift Card List"} in call.get("exports/types/").json()["types"]
    export = call.create("gift_card_list").json()
    assert fetch(call.link(export["id"])).content == store.file(export["id"]) != b""


def test_an_export_goes_from_pending_to_its_file(open_store):
    """Created pending, then available, then a link to exactly the store's bytes."""
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
    assert [(one.links, one.downloads) for one in store.exports] == [(1, 1)]


@pytest.mark.parametrize("code", CODES)
def test_every_type_has_objects(code, store, call):
    """No type is empty in a store of two months."""
    export = call.create(code).json()
    assert fetch(call.link(export["id"])).text.count("\n") > 3
    assert store.rows(code, store.start_date, NOW)


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
    """400 has a list of messages for the field; no export is created."""
    answer = call.post("exports/", json=body)
    assert answer.status_code == 400
    assert [list(answer.json()), isinstance(answer.json()[field][0], str)] == [[field], True]
    assert store.exports == []


def test_a_body_that_is_not_json_is_rejected(call):
    answer = call.post("exports/", data=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


def test_dates_are_echoed_in_utc_with_a_z(call):
    """With their fraction."""
    export = call.create(date_from="2025-01-01T00:00:00.25-05:00").json()
    assert export["date_from"] == "2025-01-01T05:00:00.250000Z"


@pytest.mark.parametrize("header", ["Authorization", "X-29Next-Api-Version"])
def test_both_headers_are_required(call, header):
    """Without a token 401, without a version 400, each with a detail."""
    answer = call.get("exports/types/", headers={header: None})
    assert answer.status_code == (401 if header == "Authorization" else 400)
    assert list(answer.json()) == ["detail"]


def test_a_wrong_token_is_401(call):
    assert call.get("store/", headers={"Authorization": "Bearer x"}).status_code == 401


@pytest.mark.parametrize("path", ["nothing/", "exports", "exports/9/", "exports/9/download/", "webhooks/9"])
def test_an_unknown_path_is_404(call, path):
    """A path without its last slash too."""
    answer = call.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(("method", "path"), [("PUT", "exports/"), ("POST", "store/"), ("DELETE", "exports/types/")])
def test_a_wrong_method_is_405(call, method, path):
    """It names the allowed methods."""
    answer = call.request(method, path)
    assert (answer.status_code, list(answer.json())) == (405, ["detail"])
    assert "Allow" in answer.headers


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        (Scope.EXPORTS_READ, "GET", "exports/types/"),
        (Scope.EXPORTS_READ, "GET", "exports/"),
        (Scope.EXPORTS_READ, "GET", "exports/42/"),
        (Scope.EXPORTS_WRITE, "POST", "exports/"),
        (Scope.STORE_READ, "GET", "store/"),
        (Scope.METADATA_READ, "GET", "metadata/"),
        (Scope.WEBHOOKS_READ, "GET", "webhooks/"),
        (Scope.WEBHOOKS_WRITE, "POST", "webhooks/"),
        (Scope.WEBHOOKS_WRITE, "DELETE", "webhooks/1/"),
    ],
)
def test_a_token_without_the_scope_is_403(open_store, scope, method, path):
    """For the calls of that scope only."""
    _, call = open_store(scopes=frozenset(Scope) - {scope})
    answer = call.request(method, path)
    assert (answer.status_code, list(answer.json())) == (403, ["detail"])
    _, able = open_store()
    assert able.request(method, path).status_code != 403


def test_the_store_has_its_time_zone(open_store):
    _, call = open_store(timezone="Europe/Berlin")
    assert call.get("store/").json()["timezone"] == "Europe/Berlin"


def test_metadata_definitions_are_listed_with_their_switch(open_store):
    """`metadata/` is paged, has every type of value, and follows the merchant's switches."""
    store, call = open_store(page_size=7)
    store.enable_column("order", "signed_form")
    store.disable_column("order", "vip")
    url, found = "metadata/", []
    while url:
        page = call.get(url).json()
        found += page["results"]
        url = page["next"]
    assert len(found) == len({one["id"] for one in found}) > 7
    assert {one["type"] for one in found} == {
        "text", "integer", "decimal", "rich_text", "multi_text", "file", "boolean",
    }  # fmt: skip
    switches = {(one["object"], one["key"]): one["enable_export"] for one in found}
    assert switches["order", "signed_form"]
    assert not switches["order", "vip"]
    assert {one["object"] for one in call.get("metadata/?object=dispute").json()["results"]} == {"dispute"}


def test_null_dates_and_a_missing_status_are_options(open_store):
    """An Export may have null dates, and no status while it is pending."""
    store, call = open_store(null_dates=True, omit_status=True, ready_seconds=5, frozen=True)
    export = call.create().json()
    assert "status" not in export
    assert (export["date_from"], export["date_to"]) == (None, None)
    store.advance(timedelta(seconds=5))
    assert call.get("exports/42/").json()["status"] == "available"


def test_the_date_header_is_the_stores_clock(open_store):
    _, call = open_store(frozen=True)
    assert call.get("store/").headers["Date"] == "Tue, 04 Mar 2025 15:30:00 GMT"


def test_the_config_starts_on_the_first_day(store):
    """Address, token and the first midnight."""
    assert store.config == {
        "api_url": store.api_url,
        "access_token": store.token,
        "start_date": "2025-01-03T00:00:00Z",
    }
    assert store.start_date == datetime(2025, 1, 3, tzinfo=timezone.utc)


def test_connections_stay_open(store, call):
    """One connection carries many requests, with and without bodies."""
    for _ in range(3):
        call.get("exports/types/")
        call.post("exports/", json={})
    pools = call.get_adapter(store.api_url).poolmanager.pools
    (pool,) = (pools[key] for key in pools.keys())  # noqa: SIM118  # it is no dict
    assert (pool.num_connections, pool.num_requests) == (1, 6)


def test_the_log_holds_requests_as_they_were_sent(store, call):
    """Place, query, headers, body and status of each request, on either host."""
    export = call.create().json()
    call.get("exports/?type=order_list&cursor=")
    fetch(call.link(export["id"]))
    create, browse, link, file = store.log
    assert (create.n, create.host, create.place, create.method, create.status) == (1, "api", "create", "POST", 201)
    assert create.body == {"type": "order_list", "date_from": START, "date_to": END}
    assert create.headers["Authorization"] == f"Bearer {store.token}"
    assert (browse.place, browse.path, browse.query) == (
        "list",
        "/api/admin/exports/",
        {"type": "order_list", "cursor": ""},
    )
    assert (link.place, file.place, file.host, file.fault) == ("link", "file", "file", None)
    assert "Authorization" not in file.headers
    assert create.at <= file.at
    assert NOW <= create.time <= file.time
    assert store.count() == 4
    assert store.count(place="create", status=201) == 1
    assert store.count(place="look") == 0


def test_a_path_outside_the_api_is_404(store, call):
    """404, as for a call that the API does not have; HEAD is answered without a body."""
    origin = store.api_url.removesuffix("/api/admin/")
    assert call.get(f"{origin}/elsewhere/").status_code == 404
    answer = call.head("exports/types/")
    assert (answer.status_code, answer.content) == (405, b"")


@pytest.mark.parametrize("offset", ["+0100", "+01:00"])
def test_offsets_are_read_in_both_forms(call, offset):
    """With a colon or without one."""
    made = call.create(date_from=f"2025-01-01T01:00:00{offset}").json()
    assert made["date_from"] == "2025-01-01T00:00:00Z"


def test_a_bug_in_the_store_is_printed(open_store, capfd):
    """On standard error; hidden, it would look like a bug in the tap."""
    store, call = open_store(ready_seconds=lambda _: 1 / 0)
    with pytest.raises(requests.ConnectionError):
        call.create()
    store.stop()
    assert "ZeroDivisionError" in capfd.readouterr().err
