from __future__ import annotations

from datetime import timedelta

from .conftest import NOW


def test_the_request_log_and_the_exports_can_be_read(store, call):
    call.create()
    entries = call.control("GET", "log", headers={"Authorization": None}).json()
    assert [(one["place"], one["status"]) for one in entries] == [("create", 201)]
    (export,) = call.control("GET", "exports").json()
    assert (export["id"], export["type"], export["date_to"]) == (42, "order_list", "2026-01-01T00:00:00Z")
    assert store.count() == 1


def test_faults_can_be_added_and_cleared(store, call):
    document = {"place": "types", "kind": "status", "status": 502, "times": None}
    assert call.control("POST", "faults", json=document).status_code == 200
    assert call.get("exports/types/").status_code == 502
    call.control("DELETE", "faults")
    assert call.get("exports/types/").status_code == 200


def test_the_clock_can_be_advanced(open_store):
    store, call = open_store(frozen=True)
    answer = call.control("POST", "advance", json={"days": 2, "hours": 3})
    assert store.now == NOW + timedelta(days=2, hours=3)
    assert answer.json() == {"now": "2025-03-06T18:30:00Z"}


def test_an_invalid_call_has_a_detail(call):
    for method, path, body in (
        ("POST", "faults", {"place": "nowhere", "kind": "status"}),
        ("POST", "faults", {"place": "types", "kind": "status", "colour": 1}),
        ("POST", "faults", []),
        ("POST", "faults", {"place": "types"}),
        ("POST", "advance", []),
        ("POST", "columns", []),
        ("POST", "advance", {"days": -1}),
        ("POST", "advance", {"parsecs": 1}),
        ("POST", "columns", {"object": "order", "key": "x"}),
    ):
        answer = call.control(method, path, json=body)
        assert (answer.status_code, list(answer.json())) == (400, ["detail"])
    assert call.control("GET", "rows").status_code == 400
    unknown = call.control("GET", "nothing")
    assert unknown.status_code == 404
    assert "GET /sandbox/log" in unknown.json()["calls"]
