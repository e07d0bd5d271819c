"""The calls `store/` and `metadata/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_exports.sandbox.merchant import Definition
from tap_exports.sandbox.paging import list_reply
from tap_exports.sandbox.reply import json_reply

if TYPE_CHECKING:
    from tap_exports.sandbox.reply import Reply
    from tap_exports.sandbox.request_handler import Call
    from tap_exports.sandbox.store import Store


class StoreCalls:
    """The calls about the store itself."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def store(self, _: Call) -> Reply:
        """`GET store/`."""
        document = {
            "name": "Practice Store",
            "subdomain": "sandbox",
            "domain": "shop.example.com",
            "email": "store@example.com",
            "currency": "USD",
            "language": "en",
            "timezone": self._store.options.timezone,
        }
        return json_reply(200, [document] if self._store.options.store_shape == "list" else document)

    def metadata(self, call: Call) -> Reply:
        """`GET metadata/`."""
        query = call.request.args.to_dict()
        listed = [one for one in self._store.merchant.all if one.key not in self._store.options.unlisted_metadata]
        return list_reply(self._store, "metadata/", listed, query, Definition.as_json)
