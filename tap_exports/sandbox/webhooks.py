"""Webhooks, and deliveries of `export.created` in a thread of their own."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

import requests

from tap_exports.sandbox.records import Delivery, Webhook

if TYPE_CHECKING:
    from datetime import datetime

    from tap_exports.sandbox.records import Export
    from tap_exports.sandbox.store import Store

EVENT = "export.created"
FIELDS = ("target", "events", "secret_key", "name", "active", "api_version")
SIGNATURE_HEADER = "X-29Next-Signature"
ANSWER_SECONDS = 20.0


class WebhookSender:
    """Registers webhooks, and delivers to them in a thread that starts with the first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._registrations = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._sent: set[tuple[int, int]] = set()

    def register(self, what: dict[str, Any]) -> Webhook:
        """Add a webhook, from the body of a request."""
        with self._lock:
            self._registrations += 1
            known = {name: what[name] for name in FIELDS if name in what}
            webhook = Webhook(self._registrations, self._store.now, **known)
            self._store.webhooks.append(webhook)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        self._store.clock.notify()
        return webhook

    def remove(self, number: int | None) -> bool:
        """Remove a webhook; false when there is no such webhook."""
        with self._lock:
            found = [one for one in self._store.webhooks if one.id == number]
            self._store.webhooks[:] = [one for one in self._store.webhooks if one.id != number]
        return bool(found)

    def stop(self, seconds: float) -> None:
        """Wait for the thread to end; the store must be stopping."""
        self._store.clock.notify()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        clock = self._store.clock
        while not self._store.stopping.is_set():
            with clock.changed:
                following = min(self._waiting(), key=lambda one: one[0], default=None)
                wait = (following[0] - clock.now()).total_seconds() if following else None
                if following is None or (wait is not None and wait > 0):
                    clock.changed.wait(wait)
                    continue
            _, webhook, export = following
            self._sent.add((webhook.id, export.id))
            self._deliver(webhook, export)

    def _waiting(self) -> list[tuple[datetime, Webhook, Export]]:
        """All deliveries that have not been made, and when they are due."""
        early = self._store.options.webhook_moment == "created"
        return [
            (due, webhook, export)
            for webhook in list(self._store.webhooks)
            for export in list(self._store.exports)
            if (due := export.created_at if early else export.ready_at) is not None
            and webhook.active
            and due >= webhook.created_at
            and (webhook.id, export.id) not in self._sent
        ]

    def _deliver(self, webhook: Webhook, export: Export) -> None:
        fault = self._store.pending_faults.take("webhook", export.type)
        kind = fault.kind if fault else None
        if fault is not None and kind == "slow":
            self._store.stopping.wait(fault.seconds)
        begun, event_id = self._store.now, str(uuid.uuid4())
        document = {
            "object": "export",
            "data": self._store.export_json(export, fault),
            "event_id": event_id,
            "event_type": EVENT,
            "webhook": {"id": webhook.id, "store": "sandbox", "events": webhook.events, "target": webhook.target},
            "api_version": webhook.api_version,
        }
        # Compact, so that the raw bytes and Python's json.dumps of them differ.
        body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        signed = json.dumps(document).encode() if self._store.options.webhook_signs == "json_dumps" else body
        signature = hmac.new(webhook.secret_key.encode(), signed, hashlib.sha256).hexdigest()
        status = None
        if kind != "lost":
            status = _post(webhook.target, fault.content if fault and kind == "body" else body, signature)
        self._store.deliveries.append(Delivery(export.id, event_id, begun, status, fault))


def _post(target: str, body: bytes, signature: str) -> int | None:
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature}
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(target, data=body, headers=headers, timeout=ANSWER_SECONDS).status_code
    except requests.RequestException:
        return None
