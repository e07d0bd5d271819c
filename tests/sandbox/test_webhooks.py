from __future__ import annotations

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from .conftest import wait_for


@pytest.fixture
def listener():
    """A receiver with the body and the signature of each delivery."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.append((body, self.headers["X-29Next-Signature"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.received = []
        server.target = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def register(call, to):
    body = {"target": to, "events": ["export.created"], "secret_key": "s3cret", "api_version": "2024-04-01"}
    return call.post("webhooks/", json=body)


def signed(body):
    return hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()


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
    assert [document[name] for name in ("object", "event_type", "api_version")] == [
        "export", "export.created", "2024-04-01",
    ]  # fmt: skip
    assert (document["webhook"]["id"], document["webhook"]["target"]) == (1, listener.target)
    (delivery,) = store.deliveries
    assert delivery.time >= store.exports[0].ready_at
    assert (delivery.export_id, delivery.event_id, delivery.status) == (42, document["event_id"], 204)
