"""Webhooks: who registered for `export.created`."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_exports.sandbox.paging import BadCursorError, page
from tap_exports.sandbox.reply import Reply
from tap_exports.sandbox.request_handler import json_reply
from tap_exports.sandbox.webhook_sender import EVENT, Courier

if TYPE_CHECKING:
    from datetime import datetime

    from tap_exports.sandbox.request_handler import Call
    from tap_exports.sandbox.state import State


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
        """As the API answers it; the secret is told to nobody."""
        return {
            "id": self.id,
            "target": self.target,
            "events": list(self.events),
            "name": self.name,
            "active": self.active,
            "api_version": self.api_version,
        }


def _errors(body: object) -> dict[str, list[str]]:
    if not isinstance(body, dict):
        return {"detail": ["JSON parse error"]}
    errors = {name: ["This field is required."] for name in ("target", "events") if not body.get(name)}
    target, events = body.get("target"), body.get("events")
    if target and not str(target).startswith(("http://", "https://")):
        errors["target"] = ["Enter a valid URL."]
    if events and (not isinstance(events, list) or any(one != EVENT for one in events)):
        errors["events"] = [f'Only "{EVENT}" is a valid choice here.']
    return errors


class Webhooks:
    """The registrations of one store."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._registered: dict[int, Webhook] = {}
        self._count = 0
        self.courier = Courier(state, self)

    @property
    def all(self) -> list[Webhook]:
        """All registrations, oldest first."""
        with self._lock:
            return list(self._registered.values())

    def switch_off(self, number: int) -> None:
        """Stop deliveries to one."""
        with self._lock:
            if one := self._registered.get(number):
                self._registered[number] = replace(one, active=False)

    def call(self, call: Call) -> Reply:
        """Any call below `webhooks/`."""
        if call.request.method == "POST":
            return self._register(call)
        return self._remove(int(call.parts[0])) if call.parts else self._list(call)

    def _list(self, call: Call) -> Reply:
        url, query = self._state.list_url("webhooks/"), call.request.args.to_dict()
        try:
            shown, after, ahead = page(self.all, lambda one: one.id, self._state.options.page_size, url, query)
        except BadCursorError:
            return json_reply(404, {"detail": "Invalid cursor"})
        return json_reply(200, {"next": after, "previous": ahead, "results": [one.as_json() for one in shown]})

    def _register(self, call: Call) -> Reply:
        body = call.body
        if (errors := _errors(body)) or not isinstance(body, dict):
            return json_reply(400, errors)
        with self._lock:
            self._count += 1
            webhook = Webhook(
                id=self._count,
                target=str(body["target"]),
                events=tuple(body["events"]),
                secret_key=str(body.get("secret_key") or ""),
                name=str(body.get("name") or ""),
                active=bool(body.get("active", True)),
                api_version=str(body.get("api_version") or "2024-04-01"),
                created_at=self._state.clock.now(),
            )
            self._registered[webhook.id] = webhook
        self.courier.start()
        return json_reply(201, webhook.as_json())

    def _remove(self, number: int) -> Reply:
        with self._lock:
            gone = self._registered.pop(number, None)
        return Reply(204) if gone else json_reply(404, {"detail": "Not found."})
