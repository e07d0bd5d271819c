from __future__ import annotations

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tap_exports.sandbox import Fault

from .conftest import wait_for


class Listener:
    """A receiver."""

    def __init__(self):
        self.received = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.received.append((body, self.headers["X-29Next-Signature"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.target = f"http://127.0.0.1:{self.server.server_port}/hook"

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def listener():
    listening = Listener()
    yield listening
    listening.stop()


def register(call, to, **more):
    body = {"target": to, "events": ["export.created"], "secret_key": "s3cret", "name": "n", "active": True}
    return call.post("webhooks/", json={**body, "api_version": "2024-04-01", **more})


def signed(body):
    return hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()


def test_webhooks_are_registered_and_removed(store, call):
    answer = register(call, "https://example.com/hook")
    assert answer.status_code == 201
    webhook = answer.json()
    assert webhook == {
        "id": 1,
        "target": "https://example.com/hook",
        "events": ["export.created"],
        "name": "n",
        "active": True,
        "api_version": "2024-04-01",
    }
    assert call.get("webhooks/").json() == {"next": None, "previous": None, "results": [webhook]}
    assert [one.secret_key for one in store.webhooks] == ["s3cret"]
    gone = call.delete("webhooks/1/")
    assert (gone.status_code, gone.content) == (204, b"")
    assert call.delete("webhooks/1/").status_code == 404
    assert store.webhooks == []


def test_a_delivery_is_sent_when_an_export_is_ready(open_store, listener):
    """The delivery is signed over its raw bytes and contains the Export as the API returns it."""
    store, call = open_store(ready_seconds=60)
    register(call, listener.target)
    export = call.create().json()
    store.advance(timedelta(seconds=60))
    wait_for(lambda: store.deliveries)
    ((body, signature),) = listener.received
    assert signature == signed(body)
    assert signature != signed(json.dumps(json.loads(body)).encode())
    document = json.loads(body)
    assert document["data"] == {**export, "status": "available"} == call.get("exports/42/").json()
    assert (document["object"], document["event_type"], document["api_version"]) == (
        "export",
        "export.created",
        "2024-04-01",
    )
    assert document["webhook"] == {
        "id": 1,
        "store": "sandbox",
        "events": ["export.created"],
        "target": listener.target,
    }
    (delivery,) = store.deliveries
    assert delivery.time >= store.exports[0].ready_at
    assert (delivery.export_id, delivery.event_id, delivery.status) == (42, document["event_id"], 200)


def test_deliveries_can_have_faults(open_store, listener):
    store, call = open_store()
    register(call, listener.target)
    store.add_fault(Fault("webhook", "lost"))
    store.add_fault(Fault("webhook", "slow", seconds=0.01))
    store.add_fault(Fault("webhook", "body", body=b'{"object": "export"}'))
    store.add_fault(Fault("webhook", "unknown_status", value="dead"))
    for count in range(1, 5):
        call.create()
        wait_for(lambda count=count: len(store.deliveries) == count)
    assert [one.fault.kind for one in store.deliveries] == ["lost", "slow", "body", "unknown_status"]
    late, forged, strange = listener.received
    assert signed(late[0]) == late[1]
    assert signed(forged[0]) != forged[1]
    assert json.loads(strange[0])["data"]["status"] == "dead"
