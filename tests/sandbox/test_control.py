from __future__ import annotations

from datetime import timedelta

from .conftest import NOW


def test_faults_can_be_added_and_cleared_without_a_token_and_a_log_entry(store, call):
    document = {"place": "types", "kind": "status", "status": 502, "times": None}
    assert call.control("POST", "faults", json=document, headers={"Authorization": None}).status_code == 200
    assert call.get("exports/types/").status_code == 502
    call.control("DELETE", "faults")
    assert call.get("exports/types/").status_code == 200
    assert store.count() == 2


def test_the_clock_can_be_advanced(open_store):
    store, call = open_store(frozen=True)
    answer = call.control("POST", "advance", json={"days": 2, "hours": 3})
    assert store.now == NOW + timedelta(days=2, hours=3)
    assert answer.json() == {"now": "2025-03-06T18:30:00Z"}
