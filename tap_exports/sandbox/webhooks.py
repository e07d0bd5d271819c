"""The calls that register and remove webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_exports.sandbox.paging import list_reply
from tap_exports.sandbox.reply import Reply, json_reply
from tap_exports.sandbox.webhook_sender import EVENT, Webhook

if TYPE_CHECKING:
    from tap_exports.sandbox.request_handler import Call
    from tap_exports.sandbox.store import Store
    from tap_exports.sandbox.webhook_sender import WebhookSender


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


class WebhookCalls:
    """The calls below `webhooks/`."""

    def __init__(self, store: Store, sender: WebhookSender) -> None:
        self._store = store
        self._sender = sender

    def call(self, call: Call) -> Reply:
        """Any call below `webhooks/`."""
        if call.request.method == "POST":
            return self._register(call)
        return self._remove(int(call.parts[0])) if call.parts else self._list(call)

    def _list(self, call: Call) -> Reply:
        query = call.request.args.to_dict()
        return list_reply(self._store, "webhooks/", self._sender.webhooks, query, Webhook.as_json)

    def _register(self, call: Call) -> Reply:
        body = call.body
        if (errors := _errors(body)) or not isinstance(body, dict):
            return json_reply(400, errors)
        webhook = self._sender.register(
            target=str(body["target"]),
            events=tuple(body["events"]),
            secret_key=str(body.get("secret_key") or ""),
            name=str(body.get("name") or ""),
            active=bool(body.get("active", True)),
            api_version=str(body.get("api_version") or "2024-04-01"),
        )
        return json_reply(201, webhook.as_json())

    def _remove(self, number: int) -> Reply:
        return Reply(204) if self._sender.remove(number) else json_reply(404, {"detail": "Not found."})
