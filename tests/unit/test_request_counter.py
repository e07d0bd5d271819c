"""Requests are counted by endpoint and status."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tap_exports.store.request_counter import RequestCounter


def test_requests_are_counted_by_endpoint_without_ids():
    request_counter = RequestCounter()
    for place, status in [
        ("GET exports/42/", 200),
        ("GET exports/7/", 200),
        ("GET exports/7/", 0),
        ("GET exports/7/download/", 200),
    ]:
        request_counter.add(place, status)
    assert list(request_counter) == [
        ("GET exports/{id}/", 0, 1),
        ("GET exports/{id}/", 200, 2),
        ("GET exports/{id}/download/", 200, 1),
    ]


def test_requests_of_all_threads_are_counted():
    request_counter = RequestCounter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: request_counter.add("POST exports/", 201), range(4_000)))
    assert list(request_counter) == [("POST exports/", 201, 4_000)]
