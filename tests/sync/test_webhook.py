"""The webhook listener ends waits, verifies deliveries, and leaves no registration."""

from __future__ import annotations

import hmac
import json
import signal
import socket
import threading
from hashlib import sha256

import pytest
import requests
from ports import free_port

from tap_exports.clock import Clock
from tap_exports.errors import LocalTrouble, Stopped
from tap_exports.exports.webhook import LARGEST_BODY, Listener, ReadyNotifier
from tap_exports.sandbox import Fault

from .conftest import assert_fails, until


def hook(port):
    """Settings of a run that registers its listener."""
    return {"webhook_listen": f"127.0.0.1:{port}", "webhook_target_url": f"http://127.0.0.1:{port}/hook/"}


SECRET = "not a real one"


def signed(body, secret=SECRET):
    return hmac.new(secret.encode(), body, sha256).hexdigest()


class Announced(list):
    """A notifier that records the exports that were announced."""

    notify = list.append


@pytest.fixture
def announced():
    return Announced()


@pytest.fixture
def listener(announced, request):
    """A listener to deliveries signed with SECRET, at a test's path or at /hook."""
    made = Listener("127.0.0.1:0", getattr(request, "param", "/hook"), SECRET, announced)
    yield made
    made.close()


def event(export_id=42, event_id="one"):
    return json.dumps({"object": "export", "event_id": event_id, "data": {"id": export_id}}).encode()


def post(listener, body, signature=None, path="/hook", method="POST"):
    headers = {"X-29Next-Signature": signed(body) if signature is None else signature}
    return requests.request(method, f"http://127.0.0.1:{listener.port}{path}", data=body, headers=headers, timeout=30)


def test_a_delivery_announces_its_export(listener, announced):
    """A repeated one is accepted too, and only causes another poll."""
    for _ in range(2):
        assert post(listener, event()).status_code == 200
    assert set(announced) == {42}


def test_a_signature_covers_the_raw_bytes_or_their_json_dumps(listener):
    spaced = b'{"event_id":"two","data":{"id":7}}'
    again = json.dumps(json.loads(spaced)).encode()
    assert spaced != again
    assert post(listener, spaced, signature=signed(again)).status_code == 200
    assert post(listener, spaced, signature=signed(spaced).upper()).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"method": "GET"}, 405),
        ({"signature": ""}, 401),
        ({"signature": signed(event(), "another secret")}, 401),
        ({"body": b"x" * (LARGEST_BODY + 1)}, 413),
        ({"body": b"no json"}, 400),
        ({"body": b"[]"}, 400),
        ({"body": b'{"event_id": "a", "data": null}'}, 400),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_invalid_delivery_is_refused(listener, announced, change, status):
    """A 410 would deactivate the webhook."""
    assert post(listener, **{"body": event(), **change}).status_code == status
    assert announced == []


def test_the_listener_closes_while_clients_are_connected(listener):
    with socket.create_connection(("127.0.0.1", listener.port), timeout=30) as client:
        client.sendall(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        assert post(listener, event()).status_code == 200
        listener.close()
        assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port), timeout=30)


def test_waiting_ends_with_the_announcement_or_the_run():
    """The announcement may be earlier."""
    clock = Clock()
    notifier = ReadyNotifier(clock)
    notifier.notify(42)
    notifier.wait(42, 600)
    threading.Timer(0.1, clock.stop).start()
    with pytest.raises(Stopped):
        notifier.wait(1, 30)


def test_a_port_in_use_is_an_error_that_names_webhook_listen(listener, announced):
    with pytest.raises(LocalTrouble, match="webhook_listen"):
        Listener(f"127.0.0.1:{listener.port}", "/", SECRET, announced)


@pytest.mark.parametrize(
    ("listener", "comes_to", "status"),
    [
        ("", "/any/where", 200),
        ("/hook", "/hook?a=b", 200),
        ("/hook", "/hook/", 404),
        ("/caf%c3%a9/a%20b", "/caf%C3%A9/%61%20b", 200),
    ],
    indirect=["listener"],
)
def test_the_path_is_the_targets_in_any_encoding(listener, announced, comes_to, status):
    """Without a target any path is accepted."""
    assert post(listener, event(), path=comes_to).status_code == status
    assert announced == [42] * (status == 200)


def test_refused_deliveries_are_logged_less_and_less_often(listener, caplog):
    for _ in range(11):
        post(listener, event(), path="/exports")
        post(listener, event(), signature="")
    text = "deliveries to the webhook listener rejected so far"
    reasons = ("the path is not that of webhook_target_url", "the signature is wrong")
    assert [line for line in caplog.messages if text in line] == [
        f"{count} {text}: {reason}" for count in (1, 10) for reason in reasons
    ]


def register(store, target):
    """Register a webhook at the store by hand."""
    body = {"target": target, "events": ["export.created"], "secret_key": SECRET}
    headers = {"Authorization": f"Bearer {store.token}", "X-29Next-Api-Version": "2024-04-01"}
    requests.post(f"{store.config['api_url']}webhooks/", json=body, headers=headers, timeout=30).raise_for_status()


@pytest.fixture
def orders(sync):
    """Sync all orders of a store with a webhook."""

    def run(store, config=None):
        done = sync(store.config | (config or hook(free_port())), streams=["order_list"])
        assert len(done.records("order_list")) > 5
        return done

    return run


def test_deliveries_of_a_webhook_registered_by_hand_are_accepted(make_store, orders, timings):
    timings(first_poll_seconds=100.0)
    store = make_store(days=10, ready_seconds=1.0)
    port = free_port()
    register(store, f"http://127.0.0.1:{port}/my/hook")
    orders(store, {"webhook_listen": f"127.0.0.1:{port}", "webhook_secret": SECRET})
    assert len(store.webhooks) == 1


def test_a_delivery_ends_the_wait_for_an_export(make_store, orders, timings):
    timings(first_poll_seconds=100.0)
    store = make_store(days=10, ready_seconds=1.0)
    register(store, "https://example.com/theirs")
    orders(store)
    assert [webhook.target for webhook in store.webhooks] == ["https://example.com/theirs"]
    assert store.count(place="poll") <= 3


def test_an_early_delivery_is_verified_with_the_api(make_store, orders):
    orders(make_store(days=10, ready_seconds=0.5, webhook_moment="created"))


def test_polling_goes_on_without_deliveries(make_store, orders):
    store = make_store(days=10, ready_seconds=0.3)
    store.add_fault(Fault("webhook", "lost", times=None))
    orders(store)


def test_without_the_scope_the_tap_polls_with_a_warning(make_store, orders, caplog):
    orders(make_store(days=10, scopes={"exports:read", "exports:write"}))
    assert any("could not be registered" in line and "webhooks:" in line for line in caplog.messages)


def test_an_invalid_token_at_the_registration_ends_the_run(make_store, inside):
    store = make_store(days=10)
    store.add_fault(Fault("webhooks", "status", status=401))
    run = inside(store.config | hook(free_port()))
    assert_fails(run, "access_token")
    assert store.exports == []


@pytest.mark.parametrize("kind", ["lost", "refuse"])
def test_a_registration_whose_response_is_lost_is_removed_at_the_end(make_store, orders, caplog, kind):
    store = make_store(days=10)
    store.add_fault(Fault("webhooks", kind, after=1))
    orders(store)
    assert sum(entry.method == "POST" for entry in store.log if entry.place == "webhooks") == 1
    assert store.webhooks == []
    assert ("could not be registered" in caplog.text) is (kind == "refuse")


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (500, 2)])
def test_a_registration_that_cannot_be_removed_is_a_warning(make_store, orders, caplog, timings, status, tries):
    """The attempts end with the timings of the run."""
    timings(tries=2)
    store = make_store(days=10)
    store.add_fault(Fault("webhooks", "status", status=status, after=2, times=None))
    orders(store)
    assert len(store.webhooks) == 1
    assert store.count(status=status) == tries
    assert "could not be removed from the store; the next run removes it" in caplog.text


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_registrations_do_not_accumulate(make_store, command, kind):
    store = make_store(days=10, ready_seconds=3600)
    ours = hook(free_port())
    process = command(store.config | ours, wait=False, patience=3600)
    until(lambda: store.webhooks and store.count(place="list") > 1, process)
    process.send_signal(kind)
    process.wait(timeout=30)
    if kind is signal.SIGKILL:
        assert len(store.webhooks) == 1
        again = command(store.config | ours, wait=False, patience=3600)
        until(lambda: [webhook.id for webhook in store.webhooks] == [2], again)
        again.send_signal(signal.SIGTERM)
        again.wait(timeout=30)
    assert store.webhooks == []


def test_the_secret_is_new_in_each_run_and_never_logged(small_store, inside):
    environment = {"TAP_EXPORTS_LOGLEVEL": "DEBUG"}
    runs = [inside(small_store.config | hook(free_port()), environment=environment) for _ in range(2)]
    secrets = {r.body["secret_key"] for r in small_store.log if r.place == "webhooks" and r.method == "POST"}
    assert len(secrets) == 2
    assert all(len(secret) >= 32 for secret in secrets)
    assert not [secret for secret in (*secrets, small_store.token) for run in runs if secret in run.log]
