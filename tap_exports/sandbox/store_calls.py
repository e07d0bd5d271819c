"""The calls `store/` and `metadata/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_exports.sandbox.options import StoreShape
from tap_exports.sandbox.paging import BadCursorError, page
from tap_exports.sandbox.request_handler import json_reply

if TYPE_CHECKING:
    from tap_exports.sandbox.merchant import Definition
    from tap_exports.sandbox.reply import Reply
    from tap_exports.sandbox.request_handler import Call
    from tap_exports.sandbox.state import State


class StoreCalls:
    """What a store tells about itself."""

    def __init__(self, state: State) -> None:
        self._state = state

    def store(self, _: Call) -> Reply:
        """`GET store/`."""
        document = {
            "name": "Practice Store",
            "subdomain": "sandbox",
            "domain": "shop.example.com",
            "email": "store@example.com",
            "currency": "USD",
            "language": "en",
            "timezone": self._state.options.timezone,
        }
        listed = self._state.options.store_shape is StoreShape.LIST
        return json_reply(200, [document] if listed else document)

    def metadata(self, call: Call) -> Reply:
        """`GET metadata/`, which filters by object, type and enable_export."""
        query = call.request.args.to_dict()

        def matches(one: Definition) -> bool:
            known = {
                "object": one.owner,
                "type": one.type.value,
                "enable_export": str(one.enable_export).lower(),
            }
            return all(query.get(name, "").lower() in {"", value} for name, value in known.items())

        found = [
            one
            for one in self._state.merchant.all
            if one.key not in self._state.options.unlisted_metadata and matches(one)
        ]
        url = self._state.list_url("metadata/")
        try:
            shown, after, ahead = page(found, lambda one: one.id, self._state.options.page_size, url, query)
        except BadCursorError:
            return json_reply(404, {"detail": "Invalid cursor"})
        return json_reply(200, {"next": after, "previous": ahead, "results": [one.as_json() for one in shown]})
