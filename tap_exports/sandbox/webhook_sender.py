"""Deliveries of `export.created`, which follow the clock in a thread of their own."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import requests

from tap_exports.sandbox.export_calls import export_json
from tap_exports.sandbox.faults import Fault, FaultKind, Place
from tap_exports.sandbox.options import WebhookMoment, WebhookSigns

if TYPE_CHECKING:
    from tap_exports.sandbox.exports import Export
    from tap_exports.sandbox.state import State
    from tap_exports.sandbox.webhooks import Webhook, Webhooks

EVENT = "export.created"
SIGNATURE_HEADER = "X-29Next-Signature"
ANSWER_SECONDS = 20.0
GONE = 410


@dataclass(frozen=True)
class Delivery:
    """One attempt at telling a webhook.

    Attributes:
        webhook: Its id.
        export_id: What it was told about.
        event_id: The same for all attempts.
        attempt: From 1 on.
        time: When it began, on the store's clock.
        target: Where it went.
        body: As sent.
        signature: As sent.
        status: Of the answer; None when there was none.
        fault: The kind of fault that hit it, or None.
    """

    webhook: int
    export_id: int
    event_id: str
    attempt: int
    time: datetime
    target: str
    body: bytes
    signature: str
    status: int | None
    fault: str | None = None


@dataclass(frozen=True)
class _Letter:
    """What is still to be delivered."""

    webhook: Webhook
    export: Export
    due: datetime
    attempt: int = 1
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent: bytes | None = None


class Courier:
    """Delivers, in a thread that starts with the first webhook."""

    def __init__(self, state: State, webhooks: Webhooks) -> None:
        self._state = state
        self._webhooks = webhooks
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._told: set[tuple[int, int]] = set()
        self._again: list[_Letter] = []
        self._deliveries: list[Delivery] = []

    @property
    def deliveries(self) -> list[Delivery]:
        """All attempts so far, oldest first."""
        with self._lock:
            return list(self._deliveries)

    def start(self) -> None:
        """Begin, once."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        with self._state.clock.changed:
            self._state.clock.changed.notify_all()

    def stop(self, seconds: float) -> None:
        """Wait for the thread to end; the store must be stopping."""
        with self._state.clock.changed:
            self._state.clock.changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        clock = self._state.clock
        while not self._state.stopping.is_set():
            with clock.changed:
                letters = self._letters()
                now = clock.now()
                due = [letter for letter in letters if letter.due <= now]
                if not due:
                    following = min((letter.due for letter in letters), default=None)
                    clock.changed.wait((following - now).total_seconds() if following else None)
                    continue
            for letter in due:
                self._told.add((letter.webhook.id, letter.export.id))
                if letter in self._again:
                    self._again.remove(letter)
                self._deliver(letter)

    def _letters(self) -> list[_Letter]:
        """All that is still to be delivered, now or later."""
        letters = list(self._again)
        early = self._state.options.webhook_moment is WebhookMoment.CREATED
        for webhook in self._webhooks.all:
            for export in self._state.exports.all:
                due = export.created_at if early else export.ready_at
                new = (webhook.id, export.id) not in self._told
                if webhook.active and new and due is not None and due >= webhook.created_at:
                    letters.append(_Letter(webhook, export, due))
        return letters

    def _body(self, letter: _Letter, fault: Fault | None) -> bytes:
        webhook = letter.webhook
        document = {
            "object": "export",
            "data": export_json(self._state, letter.export, fault),
            "event_id": letter.event_id,
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
        if self._state.options.webhook_signs is WebhookSigns.JSON_DUMPS:
            signed = json.dumps(json.loads(body)).encode()
        return hmac.new(webhook.secret_key.encode(), signed, hashlib.sha256).hexdigest()

    def _deliver(self, letter: _Letter) -> None:
        fault = self._state.faults.take(Place.WEBHOOK, letter.export.type)
        if fault is not None and fault.kind is FaultKind.SLOW:
            self._state.stopping.wait(fault.seconds if fault.seconds is not None else 1.0)
        body = letter.sent or self._body(letter, fault)
        signature = self._signature(letter.webhook, body)
        sent = fault.content if fault is not None and fault.kind is FaultKind.BODY else body
        begun = self._state.clock.now()
        lost = fault is not None and fault.kind is FaultKind.LOST
        status = None if lost else self._post(letter.webhook, sent, signature)
        delivery = Delivery(
            webhook=letter.webhook.id,
            export_id=letter.export.id,
            event_id=letter.event_id,
            attempt=letter.attempt,
            time=begun,
            target=letter.webhook.target,
            body=sent,
            signature=signature,
            status=status,
            fault=fault.kind.value if fault else None,
        )
        with self._lock:
            self._deliveries.append(delivery)
        if lost or status == requests.codes.ok:
            return
        if status == GONE:
            self._webhooks.switch_off(letter.webhook.id)
        elif letter.attempt <= self._state.options.webhook_retries:
            pause = self._state.options.webhook_retry_seconds * 2 ** (letter.attempt - 1)
            due = self._state.clock.now() + timedelta(seconds=pause)
            self._again.append(replace(letter, due=due, attempt=letter.attempt + 1, sent=body))

    def _post(self, webhook: Webhook, body: bytes, signature: str) -> int | None:
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature}
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(webhook.target, data=body, headers=headers, timeout=ANSWER_SECONDS)
                return answer.status_code
        except requests.RequestException:
            return None
