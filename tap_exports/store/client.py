"""The calls of the Admin API that the tap makes.

Facts about the API are those of its public guide and its OpenAPI document, version 2024-04-01.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from tap_exports.errors import ExportStuck, NotFound, StoreRefused, shortened
from tap_exports.store import models as api
from tap_exports.store.http import origin
from tap_exports.store.session import ApiSession
from tap_exports.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from tap_exports.schema.layout import Definition
    from tap_exports.window import Window

T = TypeVar("T")


class Client(ApiSession):
    """The calls of the Admin API that the tap makes.

    Every call waits for the rate limit, and is retried with backoff after a transient error: a broken connection, a
    status such as 429 or 503, a response that is not JSON. It may be used from several threads.

    Errors: Unauthorized for 401, MissingScope for 403, StoreRefused for other refusals and for redirects, which are not
    followed; StoreTrouble for a transient error that outlasted every retry; AnswerLost for a POST that is not repeated.
    """

    def types(self) -> list[str]:
        """The codes of the export types that the store lists, without those that cannot be a stream's name."""
        codes = self.send("GET", "exports/types/", api.types_of)
        for code in codes:
            if not api.is_usable(code):
                warning = "The store's export type %s is ignored: its code cannot be a stream's name"
                self._logger.warning(warning, shortened(ascii(code), 80))
        return list(filter(api.is_usable, codes))

    def create(self, code: str, window: Window) -> api.Export:
        """Create an export. The call is retried only where the store certainly did not create one."""
        body = {"type": code, "date_from": rfc3339(window.start), "date_to": rfc3339(window.end)}
        return self.send("POST", "exports/", api.Export.of, body=body)

    def export(self, export_id: int) -> api.Export:
        """An export as it is now."""
        return self.send("GET", f"exports/{export_id}/", api.Export.of)

    def link(self, export_id: int) -> str:
        """A new signed link to an export's file; short-lived, and a secret."""
        return self.send("GET", f"exports/{export_id}/download/", api.link_of)

    def exports(self, code: str | None, created_from: date | None = None) -> Iterator[api.Export]:
        """The store's exports of one type, or of all types, in the store's order; only those created since a day."""
        params = {"type": code, "date_created_from": created_from.isoformat() if created_from else None}
        yield from filter(None, self._pages("exports/", self._listed, params))

    def _listed(self, body: Any) -> api.Export | None:  # noqa: ANN401 - the decoded JSON
        """An export in a list; None for one with an unknown status, which may not be the tap's."""
        try:
            return api.Export.of(body)
        except ExportStuck as error:
            self._logger.warning("%s; it is ignored", error.what)
            return None

    def timezone(self) -> str | None:
        """The name of the store's time zone; None where the store has none."""
        return self.send("GET", "store/", api.timezone_of)

    def definitions(self) -> tuple[Definition, ...]:
        """The merchant's own columns that are in exports."""
        return tuple(filter(None, self._pages("metadata/", api.definition_of)))

    def webhooks(self, target: str) -> list[int]:
        """The ids of the webhooks with this address that are registered at the store."""
        return [number for number, address in self._pages("webhooks/", api.webhook_of) if address == target]

    def register_webhook(self, target: str, secret: str) -> int:
        """Register a webhook for `export.created`, and return its id."""
        body = {
            "target": target,
            "events": ["export.created"],
            "secret_key": secret,
            "name": "tap-exports",
            "active": True,
            "api_version": self.connection.api_version,
        }
        self._secrets.add(secret)
        return self.send("POST", "webhooks/", api.id_of, body=body)

    def remove_webhook(self, webhook_id: int) -> None:
        """Remove a webhook. One that does not exist is not an error, because an earlier response may have been lost."""
        with suppress(NotFound):
            self.send("DELETE", f"webhooks/{webhook_id}/", lambda _: None)

    def _pages(self, path: str, parse: Callable[[Any], T], params: dict[str, str | None] | None = None) -> Iterator[T]:
        seen: set[str] = set()
        results, link = self.send("GET", path, lambda body: api.page_of(body, parse), params=params)
        yield from results
        while link is not None:
            following = self._on_own_origin(link)
            if following is None or following in seen:
                raise StoreRefused(
                    f"the list {path} continues at an address that is not followed",
                    "The token is sent to the API's own host only; check api_url.",
                )
            seen.add(following)
            results, link = self.send("GET", following, lambda body: api.page_of(body, parse))
            yield from results

    def _on_own_origin(self, url: str) -> str | None:
        """A `next` link on the API's own origin, where a proxied Django may write another; None for another host."""
        own, target = urlsplit(self.connection.api_url), origin(url, base=self.connection.api_url)
        if target is None or target[0] not in ("http", "https") or target[1] != own.hostname:
            return None
        return urljoin(self.connection.api_url, urlsplit(url)._replace(scheme=own.scheme, netloc=own.netloc).geturl())
