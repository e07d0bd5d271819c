from __future__ import annotations

import gzip
from datetime import timedelta

import pytest

from .conftest import DAY, NOW, fetch, store_of


def test_the_fifth_request_of_a_second_is_throttled(open_store):
    store, call = open_store(rate_limit=4, frozen=True)
    answers = [call.get("exports/types/") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert answers[4].headers["Retry-After"] == "1"
    assert list(answers[4].json()) == ["detail"]
    assert store.peak_requests_per_second() == 5
    store.advance(timedelta(seconds=1))
    assert call.get("exports/types/").status_code == 200


def test_exports_are_created_a_few_at_a_time_in_order(open_store):
    store, call = open_store(ready_seconds=10, parallel_exports=2, frozen=True)
    for _ in range(5):
        call.create()
    store.advance(timedelta(seconds=10))
    statuses = [call.get(f"exports/{export.id}/").json()["status"] for export in store.exports]
    assert statuses == ["available"] * 2 + ["pending"] * 3
    assert [(export.ready_at - NOW).total_seconds() for export in store.exports] == [10, 10, 20, 20, 30]


def test_rows_past_the_cap_are_missing():
    """The cap of lines counts lines or parents."""
    month = (NOW - 30 * DAY, NOW)
    assert store_of(row_cap=10).rows("order_list", *month) == store_of().rows("order_list", *month)[:10]
    assert len(store_of(row_cap=10).rows("order_line_items", *month)) == 10
    lines = store_of(row_cap=10, cap_counts_parents=True).rows("order_line_items", *month)
    assert len({line["Order Number"] for line in lines}) == 10 < len(lines)


def test_an_expired_link_is_403(open_store):
    store, call = open_store(frozen=True)
    call.create()
    link = call.link()
    store.advance(timedelta(seconds=299))
    assert fetch(link).status_code == 200
    store.advance(timedelta(seconds=1))
    late = fetch(link)
    assert (late.status_code, late.headers["Content-Type"]) == (403, "application/xml")
    assert "<Code>AccessDenied</Code>" in late.text


@pytest.mark.parametrize(
    ("how", "accepted", "zipped"),
    [
        ("always", False, True),
        ("accepted", True, True),
        ("accepted", False, False),
        ("off", True, False),
        ("mislabeled", True, False),
    ],
)
def test_files_may_be_sent_compressed(open_store, how, accepted, zipped):
    store, call = open_store(gzip=how)
    call.create()
    encodings = {"Accept-Encoding": "gzip, deflate" if accepted else "identity"}
    answer = fetch(call.link(), headers=encodings, stream=True)
    sent = answer.raw.read(decode_content=False)
    assert ("Content-Encoding" in answer.headers) is (zipped or how == "mislabeled")
    assert len(sent) == int(answer.headers["Content-Length"])
    assert (gzip.decompress(sent) if zipped else sent) == store.file(42)


def test_a_file_shows_the_store_at_the_exports_creation(open_store):
    store, call = open_store(frozen=True)
    call.create()
    before = store.csv("order_list", store.start_date, NOW)
    store.advance(5 * DAY)
    call.create()
    first, second = (fetch(call.link(number)).content for number in (42, 43))
    assert first == before != second
