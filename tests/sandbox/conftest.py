from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone

import pytest
import requests

from tap_exports.sandbox import Sandbox

NOW = datetime(2025, 3, 4, 15, 30, tzinfo=timezone.utc)
DAY = timedelta(days=1)
START = "2024-01-01T00:00:00Z"
END = "2026-01-01T00:00:00Z"


class Caller(requests.Session):
    """A client of one store's API, with the required headers."""

    def __init__(self, store: Sandbox) -> None:
        super().__init__()
        self.store = store
        self.trust_env = False
        self.headers["Authorization"] = f"Bearer {store.token}"
        self.headers["X-29Next-Api-Version"] = "2024-04-01"

    def request(self, method, url, **how):
        return super().request(method, requests.compat.urljoin(self.store.api_url, url), timeout=10, **how)

    def create(self, code="order_list", date_from=START, date_to=END):
        return self.post("exports/", json={"type": code, "date_from": date_from, "date_to": date_to})

    def link(self, export_id=42):
        return self.get(f"exports/{export_id}/download/").json()["url"]


def fetch(url, **how):
    """Request a file without a token."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=10, **how)


def wait_for(condition):
    """Wait for an effect of one of the store's threads."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def store_of(**options):
    """A store without servers, whose clock stands still."""
    return Sandbox(**{"now": NOW, "days": 60, "frozen": True} | options)


def column(rows, name):
    return [row[name] for row in rows]


@pytest.fixture
def open_store():
    """Open stores with options, and close them after the test."""
    with ExitStack() as stack:

        def opened(**options):
            store = stack.enter_context(Sandbox(**{"now": NOW, "rate_limit": None, "days": 60} | options))
            return store, stack.enter_context(Caller(store))

        yield opened


@pytest.fixture
def call(open_store):
    return open_store()[1]


@pytest.fixture
def store(call):
    return call.store
