"""RunContext: the objects of one run, each created on first use."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tap_exports.config.validation import zone_of
from tap_exports.errors import MissingScope, NotFound, StoreRefused, StoreTrouble, TapExportsError, Unauthorized
from tap_exports.exports.discovery import Discovery
from tap_exports.exports.fetch import Exporter
from tap_exports.exports.progress import Progress
from tap_exports.exports.requester import ExportOptions
from tap_exports.exports.scheduler import ExportScheduler
from tap_exports.exports.stream_queue import SyncRange
from tap_exports.exports.summary import RunSummary
from tap_exports.exports.webhook import ReadyNotifier, webhook
from tap_exports.ledger import Ledger
from tap_exports.schema.layout import Definition, Knowledge
from tap_exports.store.client import Client
from tap_exports.store.session import Connection
from tap_exports.window import end_of_second, own_boundary, whole_second

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime, tzinfo

    from tap_exports.clock import Clock
    from tap_exports.config.settings import Settings

T = TypeVar("T")

_AS_UTC = "times without an offset are read as UTC"


class RunContext:
    """The objects of one run. `agent` is the User-Agent where the settings have none."""

    def __init__(self, settings: Settings, clock: Clock, agent: str) -> None:
        self.settings = settings
        connection = Connection(
            api_url=settings.api_url,
            token=settings.raw["access_token"],
            api_version=settings.raw["api_version"],
            user_agent=settings.raw.get("user_agent") or agent,
        )
        self._logger = logging.getLogger("tap-exports")
        self.clock = clock
        self.client = Client(connection, clock)
        self.notifier = ReadyNotifier(clock)
        self.progress = Progress(clock)
        self.summary = RunSummary(clock)
        self.failures: dict[str, TapExportsError] = {}
        """By stream."""
        self.has_ledger = bool(settings.raw.get("ledger"))
        self.start = whole_second(settings.start_date)
        """Where a stream without a bookmark starts."""

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, if there is one, opened and locked until the run ends; raises SettingsError as `Ledger` does."""
        return Ledger(Path(self.settings.raw["ledger"]), self.settings.api_url)

    def close_ledger(self) -> None:
        """Release the ledger, if it was opened."""
        if ledger := vars(self).get("ledger"):
            ledger.close()

    @cached_property
    def end(self) -> datetime:
        """Where all streams stop; a later end_date would move the bookmark past objects that do not exist yet."""
        given, settled = self.settings.end_date, self.client.time.now() - self.settings.settle
        return own_boundary(settled) if given is None or given >= settled else end_of_second(given)

    @cached_property
    def knowledge(self) -> Knowledge:
        """The sources of types and keys that are known before a file is read."""
        return Knowledge(self.settings.column_types, self.settings.primary_keys, self._definitions())

    def learn_definitions(self) -> None:
        """Request the merchant's own columns again, because they can change during a run."""
        self.knowledge = replace(self.knowledge, definitions=self._definitions())

    def _definitions(self) -> tuple[Definition, ...]:
        consequence = (
            "the types of the merchant's own columns come from their names, and may differ from those of a run that can"
            " read the definitions. Grant metadata:read, or set column_types"
        )
        return self._optional(self.client.definitions, consequence) or ()

    @cached_property
    def zone(self) -> tzinfo:
        """The zone of times without an offset."""
        name = self.settings.raw.get("timezone") or self._optional(self._stores_zone, f"{_AS_UTC}. Set timezone")
        return zone_of(name) or timezone.utc if name else timezone.utc

    def _stores_zone(self) -> str | None:
        """The store's zone. A failure is an error, because with another zone every time would be wrong by hours."""
        try:
            name = self.client.timezone()
        except (Unauthorized, MissingScope, NotFound):
            raise
        except TapExportsError as error:
            raise StoreTrouble(error.what, f"{error.hint} Or set timezone: then it is not requested.") from error
        if name is None:
            self._logger.warning("The store reports no time zone: %s. Set timezone.", _AS_UTC)
        elif zone_of(name) is None:
            self._logger.warning("The store's time zone %r is not known: %s. Set timezone.", name, _AS_UTC)
        return name

    def _optional(self, request: Callable[[], T], consequence: str) -> T | None:
        """Send a request for which the token may lack the scope; then log a WARNING with the consequence."""
        try:
            return request()
        except Unauthorized:
            raise
        except StoreRefused as error:
            scope = " (the token lacks the scope)" if isinstance(error, MissingScope) else ""
            self._logger.warning("%s%s: %s", error.what, scope, consequence)
            return None

    @cached_property
    def exporter(self) -> Exporter:
        """Requests, downloads and validates exports."""
        raw = self.settings.raw
        options = ExportOptions(
            poll_seconds=raw["poll_interval_seconds"],
            timeout_seconds=raw["export_timeout_minutes"] * 60,
            reuse=self.settings.reuse,
            settle=self.settings.settle,
            given=frozenset({self.start, self.end}),
            cap=raw["max_export_rows"],
            encoding=raw["encoding"],
            zone=self.zone,
        )
        wait = self.notifier.wait if raw.get("webhook_listen") else None
        return Exporter(self.client, options, wait)

    def webhook(self) -> AbstractContextManager[None]:
        """The context in which webhooks are received, if `webhook_listen` is set."""
        raw = self.settings.raw
        listen, target, secret = (raw.get(f"webhook_{name}") for name in ("listen", "target_url", "secret"))
        return webhook(self.client, self.notifier, listen, target, secret) if listen else nullcontext()

    @cached_property
    def scheduler(self) -> ExportScheduler:
        """Exports the windows of all streams, ahead of the reader."""
        settings = self.settings
        is_bounded = settings.end_date is not None and self.end >= settings.end_date
        slack = timedelta(0) if is_bounded else settings.reuse
        sync_range = SyncRange(self.start, self.end, slack, settings.window_limits)
        return ExportScheduler(self.exporter, sync_range, settings.raw["max_concurrent_exports"], self.progress)

    def discovery(self, *, may_create: bool) -> Discovery:
        """Finds columns without a catalog; with `may_create`, it may create exports."""
        return Discovery(self.exporter, may_create)
