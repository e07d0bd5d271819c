"""Webhooks, and deliveries of `export.created` in a thread of their own."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from tap_exports.sandbox.faults import Fault, FaultKind, Place

if TYPE_CHECKING:
    from datetime import datetime

    from tap_exports.sandbox.export import Export
    from tap_exports.sandbox.store import Store

EVENT = "export.created"
SIGNATURE_HEADER = "X-29Next-Signature"
ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Webhook:
    """One registration."""

    id: int
    target: str
    events: tuple[str, ...]
    secret_key: str
    name: str
    active: bool
    api_version: str
    created_at: datetime

    def as_json(self) -> dict[str, object]:
        """The API's JSON, without the secret."""
        return {
            "id": self.id,
            "target": self.target,
            "events": list(self.events),
            "name": self.name,
            "active": self.active,
            "api_version": self.api_version,
        }


@dataclass(frozen=True)
class Delivery:
    """One delivery of `export.created`; the practice store does not retry it."""

    webhook: int  # its id
    export_id: int
    event_id: str
    time: datetime  # its start, on the store's clock
    target: str
    body: bytes  # as sent
    signature: str  # as sent
    status: int | None  # None without an answer
    fault: str | None = None  # its kind


@dataclass(frozen=True)
class _Message:
    """A delivery in the future."""

    webhook: Webhook
    export: Export
    due: datetime
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class WebhookSender:
    """Registers webhooks, and delivers to them in a thread that starts with the first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._webhooks: dict[int, Webhook] = {}
        self._registrations = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._scheduled: set[tuple[int, int]] = set()
        self._deliveries: list[Delivery] = []

    @property
    def deliveries(self) -> list[Delivery]:
        """All deliveries so far, oldest first."""
        with self._lock:
            return list(self._deliveries)

    @property
    def webhooks(self) -> list[Webhook]:
        """The webhooks registered now, oldest first."""
        with self._lock:
            return list(self._webhooks.values())

    def register(self, **what: Any) -> Webhook:  # noqa: ANN401
        """Add a webhook."""
        with self._lock:
            self._registrations += 1
            webhook = Webhook(id=self._registrations, created_at=self._store.clock.now(), **what)
            self._webhooks[webhook.id] = webhook
        self._start()
        return webhook

    def remove(self, number: int) -> bool:
        """Remove a webhook; false when there is no such webhook."""
        with self._lock:
            return self._webhooks.pop(number, None) is not None

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        with self._store.clock.changed:
            self._store.clock.changed.notify_all()

    def stop(self, seconds: float) -> None:
        """Wait for the thread to end; the store must be stopping."""
        with self._store.clock.changed:
            self._store.clock.changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        clock = self._store.clock
        while not self._store.stopping.is_set():
            with clock.changed:
                messages = self._messages()
                now = clock.now()
                due = [message for message in messages if message.due <= now]
                if not due:
                    following = min((message.due for message in messages), default=None)
                    clock.changed.wait((following - now).total_seconds() if following else None)
                    continue
            for message in due:
                self._scheduled.add((message.webhook.id, message.export.id))
                self._deliver(message)

    def _messages(self) -> list[_Message]:
        """All deliveries in the future."""
        messages = []
        early = self._store.options.webhook_moment == "created"
        for webhook in self.webhooks:
            for export in self._store.exports:
                due = export.created_at if early else export.ready_at
                new = (webhook.id, export.id) not in self._scheduled
                if webhook.active and new and due is not None and due >= webhook.created_at:
                    messages.append(_Message(webhook, export, due))
        return messages

    def _body(self, message: _Message, fault: Fault | None) -> bytes:
        webhook = message.webhook
        document = {
            "object": "export",
            "data": self._store.export_json(message.export, fault),
            "event_id": message.event_id,
            "event_type": EVENT,
            "webhook": {
                "id": webhook.id,
                "store": "sandbox",
                "events": list(webhook.events),
                "target": webhook.target,
            },
            "api_version": webhook.api_version,
        }
        # Compact, so that the raw bytes and Python's json.dumps of them differ.
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()

    def _signature(self, webhook: Webhook, body: bytes) -> str:
        signed = body
        if self._store.options.webhook_signs == "json_dumps":
            signed = json.dumps(json.loads(body)).encode()
        return hmac.new(webhook.secret_key.encode(), signed, hashlib.sha256).hexdigest()

    def _deliver(self, message: _Message) -> None:
        fault = self._store.pending_faults.take(Place.WEBHOOK, message.export.type)
        if fault is not None and fault.kind is FaultKind.SLOW:
            self._store.stopping.wait(fault.seconds if fault.seconds is not None else 1.0)
        body = self._body(message, fault)
        signature = self._signature(message.webhook, body)
        sent = fault.content if fault is not None and fault.kind is FaultKind.BODY else body
        begun = self._store.clock.now()
        lost = fault is not None and fault.kind is FaultKind.LOST
        status = None if lost else self._post(message.webhook, sent, signature)
        delivery = Delivery(
            webhook=message.webhook.id,
            export_id=message.export.id,
            event_id=message.event_id,
            time=begun,
            target=message.webhook.target,
            body=sent,
            signature=signature,
            status=status,
            fault=fault.kind.value if fault else None,
        )
        with self._lock:
            self._deliveries.append(delivery)

    def _post(self, webhook: Webhook, body: bytes, signature: str) -> int | None:
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature}
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(webhook.target, data=body, headers=headers, timeout=ANSWER_SECONDS)
                return answer.status_code
        except requests.RequestException:
            return None
