"""TapExports: settings, discovery, the order of work."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta, timezone
from functools import cached_property
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase

from tap_exports import batch_files
from tap_exports.client import Client
from tap_exports.clock import Clock
from tap_exports.columns import Definition, Knowledge
from tap_exports.config_schema import CONFIG_SCHEMA
from tap_exports.discovery import Discovery
from tap_exports.download import Downloader
from tap_exports.errors import BadToken, MissingScope, SettingsError, Stopped, StoreRefused, TapExportsError
from tap_exports.exports import Exporter, Patience, Reading
from tap_exports.inputs import check_catalog, read_config, read_object
from tap_exports.lanes import Lanes, Span
from tap_exports.messages import MessageWriter
from tap_exports.progress import Progress
from tap_exports.settings import SECRETS, Settings, coerce, faults, zone_of
from tap_exports.state import check_state
from tap_exports.streams import ExportStream
from tap_exports.transport import RATE
from tap_exports.webhook import Bell, Webhook
from tap_exports.windows import whole_second

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo
    from types import FrameType

    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.streams import Stream


_REQUESTS_MADE = 4
"""Requests for an export that is made: create, two looks on average, link."""
_REQUESTS_TAKEN_OVER = 1
_GRACE_SECONDS = 1.8
"""How long a run may take to end in order after a signal."""


class StreamsFailed(Exception):
    """Some streams have failed; the others are done and their state is written."""


class TapExports(Tap):
    """Singer tap for the bulk exports of a Next Commerce (formerly 29 Next) store."""

    only_plan: ClassVar[bool] = False
    """Whether sync_all() prints what it would do instead of doing it."""
    ended_by: ClassVar[int] = 0
    """The signal that ends this process, if one has come."""

    name = "tap-exports"
    dynamic_catalog = True
    message_writer_class = MessageWriter
    message_writer: MessageWriter

    config_jsonschema: ClassVar[dict[str, Any]] = deepcopy(CONFIG_SCHEMA)

    def __init__(
        self,
        *,
        config: dict[str, Any] | None = None,
        state: dict[str, Any] | None = None,
        parse_env_config: bool = False,
        **kwargs: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        self.clock = Clock()
        self.failures: dict[str, TapExportsError] = {}
        if state is not None:
            check_state(state)
        if isinstance(kwargs.get("catalog"), dict):
            check_catalog(kwargs["catalog"])
        if parse_env_config:
            config = {**(config or {}), **_environment(type(self))}
        super().__init__(config=config, state=state, **kwargs)

    # The command line

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        for path in value:
            if path != "ENV":
                read_config(path)
        return super().cb_config(ctx, param, value)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        said = "Print the windows and exports that a sync would ask for, and ask for none."
        command.params.append(click.Option(["--plan"], is_flag=True, help=said))
        return command

    @classmethod
    @override
    def invoke(
        cls, *, plan: bool = False, state: IO[str] | None = None, catalog: IO[str] | None = None, **options: Any
    ) -> None:
        cls.only_plan = plan
        super().invoke(
            state=state and io.StringIO(read_object(state, "the state file")),
            catalog=catalog and io.StringIO(read_object(catalog, "the catalog file")),
            **options,
        )

    # Settings

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self._config = coerce(self._config)
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        errors = [
            _in_words(error.absolute_path, error.message)
            for error in JSONSchemaValidator(schema).iter_errors(self._config)
        ]
        errors = errors or [*faults(self._config), *batch_files.faults(self._config)]
        if self._config.get("webhook_listen") and find_spec("uvicorn") is None:
            errors.append("webhook_listen: it needs the extra webhook: pip install 'tap-exports[webhook]'")
        if errors and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=errors, schema=schema)
        for name in sorted(set(self._config) - set(schema["properties"])):
            self.logger.warning("The setting %s is not known and has no effect", name)
        return errors

    @cached_property
    def settings(self) -> Settings:
        """The settings, typed."""
        return Settings(self.config)

    # What the stations are made of

    @cached_property
    def client(self) -> Client:
        """The API."""
        return Client(self.settings.connection(self._agent), self.clock)

    @property
    def _agent(self) -> str:
        return f"{self.name}/{self.plugin_version}"

    @cached_property
    def knowledge(self) -> Knowledge:
        """All that is known about columns before any file was seen."""
        return Knowledge(self.settings.column_types, self.settings.primary_keys, self._definitions())

    def learn_definitions(self) -> None:
        """Ask for the merchant's own columns anew: they can change while a run goes on."""
        self.knowledge = replace(self.knowledge, definitions=self._definitions())

    def _definitions(self) -> tuple[Definition, ...]:
        found = self._as_far_as_allowed(self.client.definitions, "merchant's own columns are typed by name")
        return found or ()

    @cached_property
    def zone(self) -> tzinfo:
        """The zone of times that carry no offset."""
        name = self.config.get("timezone")
        if not name:
            name = self._as_far_as_allowed(self.client.timezone, "times without an offset are read as UTC")
        if name and (zone := zone_of(name)) is not None:
            return zone
        if name:
            self.logger.warning(
                "The store's time zone %r is not known; times without an offset are read as UTC. Set timezone.",
                name,
            )
        return timezone.utc

    def _as_far_as_allowed(self, ask: Any, otherwise: str) -> Any:  # noqa: ANN401
        """Ask the store for what a token need not be allowed to know."""
        try:
            return ask()
        except BadToken:
            raise
        except StoreRefused as error:
            scope = " (the token lacks the scope)" if isinstance(error, MissingScope) else ""
            self.logger.info("%s%s: %s", error.what, scope, otherwise)
            return None

    @cached_property
    def downloader(self) -> Downloader:
        """Gets files."""
        agent = self.settings.connection(self._agent).user_agent
        insecure = self.settings.api_url.startswith("http:")
        return Downloader(self.client.link, self.clock, self.client.time, agent, insecure=insecure)

    @cached_property
    def exporter(self) -> Exporter:
        """Brings a window to a file."""
        patience = Patience(
            poll_seconds=self.config["poll_interval_seconds"],
            timeout_seconds=self.config["export_timeout_minutes"] * 60,
            reuse=self.settings.reuse,
        )
        reading = Reading(self.config["encoding"], self.config["max_export_rows"], self.zone)
        wait = self.bell.wait if self.config.get("webhook_listen") else None
        return Exporter(self.client, self.downloader, self.clock, patience, reading, wait)

    @cached_property
    def bell(self) -> Bell:
        """Rings when the store says that an export is ready."""
        return Bell(self.clock)

    @cached_property
    def lanes(self) -> Lanes:
        """The windows of all streams, made ahead of the reader."""
        settings = self.settings
        # An end_date that is still to come would move the bookmark past objects that do not exist yet.
        settled = self.client.time.now() - settings.settle
        end = min(settings.end_date or settled, settled)
        slack = settings.reuse if end == settled else timedelta(0)
        span = Span(
            settings.start_date,
            whole_second(end),
            settings.step,
            settings.lookback,
            slack,
        )
        return Lanes(
            self.exporter,
            self.clock,
            span,
            most_pending=self.config["max_concurrent_exports"],
            cap=self.config["max_export_rows"],
            progress=self.progress,
        )

    @cached_property
    def progress(self) -> Progress:
        """Tells how far the run is."""
        return Progress(self.clock)

    # Discovery

    @override
    def discover_streams(self) -> Sequence[Stream]:
        types = self.client.types()
        streams = [ExportStream(self, kind.code) for kind in types]
        codes = {kind.code for kind in types}
        for setting, given in (
            ("column_types", self.settings.column_types),
            ("primary_keys", self.settings.primary_keys),
        ):
            for stream in sorted(set(given) - codes):
                self.logger.warning("%s names the stream %s, which the store does not have", setting, stream)
        return streams

    def discover_columns(self, *, may_create: bool = True) -> None:
        """Find the columns of all streams of which no catalog tells.

        Args:
            may_create: Whether exports may be made for it.
        """
        unknown = [s for s in self.streams.values() if isinstance(s, ExportStream) and s.layout is None]
        discovery = Discovery(
            self.client,
            self.downloader,
            self.exporter,
            self.config["encoding"],
            self.settings.settle,
            may_create,
        )
        layouts = discovery.run([stream.source for stream in unknown])
        for stream in unknown:
            stream.adopt(layouts[stream.name])
            if self._mapper is not None:
                stream.register_maps()

    @override
    def run_discovery(self) -> str:
        self.discover_columns()
        return super().run_discovery()

    @override
    def setup_mapper(self) -> None:
        PluginBase.setup_mapper(self)
        for stream in self.streams.values():
            if isinstance(stream, ExportStream) and stream.layout is not None:
                stream.register_maps()  # the others' maps are made when their columns are known

    # The order of work

    @override  # type: ignore[misc]  # final in the SDK, but the columns have to be known first
    def write_schemas(self) -> None:
        self.discover_columns(may_create=False)
        super().write_schemas()

    @override  # type: ignore[misc]  # final in the SDK, which lets one stream's failure end them all
    def sync_all(self) -> None:
        if self.only_plan:
            self._print_plan()
            return
        with ExitStack() as ending:
            self._listen(ending)
            ending.callback(self._tell_failures)
            ending.callback(self.lanes.close)
            ending.callback(self.progress.close)
            for stream in self.streams.values():
                if stream.selected and isinstance(stream, ExportStream):
                    self.lanes.add(stream.lane())
            try:
                super().sync_all()
            except Stopped:
                # Whole lines that wait in the buffer, and the bookmarks of windows that are out: no more.
                self.message_writer.flush()
                if self.state:
                    self.state_writer.write_state(self.state)
                raise
        self._report()

    def _print_plan(self) -> None:
        """What a sync would ask the store for, on standard output."""
        streams = [s for s in self.streams.values() if s.selected and isinstance(s, ExportStream)]
        windows = made = 0
        for stream in streams:
            for window, export in self.lanes.preview(stream.lane()):
                windows += 1
                made += export is None
                do = "make" if export is None else f"take over export {export.id}"
                click.echo(f"{stream.name:24} {window}  {do}")
        requests = 3 + len(streams) + _REQUESTS_MADE * made + _REQUESTS_TAKEN_OVER * (windows - made)
        click.echo(
            f"{len(streams)} streams, {windows} windows: {made} exports to make, {windows - made} to take over;"
            f" about {requests} requests, which take {requests / RATE:.0f} s or more. None of it was asked for."
        )

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Let everybody who waits go. A second signal, or a target that no longer reads, ends it at once."""
        if TapExports.ended_by:
            os._exit(128 + signum)
        TapExports.ended_by = signum
        # In a thread of its own: the signal may have come in the midst of what stop() needs.
        threading.Thread(target=self._end, args=(128 + signum,), daemon=True).start()

    def _end(self, code: int) -> None:
        self.clock.stop()
        time.sleep(_GRACE_SECONDS)
        os._exit(code)

    def _listen(self, ending: ExitStack) -> None:
        """Receive webhooks while exports are pending, where the settings say so."""
        if listen := self.config.get("webhook_listen"):
            farewell = Client(self.settings.connection(self._agent), Clock())
            secret, target = self.config.get("webhook_secret"), self.config.get("webhook_target_url")
            webhook = Webhook(listen, target, secret, bell=self.bell, client=self.client, farewell=farewell)
            ending.callback(webhook.close)
            webhook.register()

    def _tell_failures(self) -> None:
        """One ERROR line for each stream that failed; a bad token is told once, by whoever ends the run."""
        for error in self.failures.values():
            if not isinstance(error, BadToken):
                self.logger.error("%s", error)
                self.logger.debug("How it came to that:", exc_info=error)

    def _report(self) -> None:
        """Let the exit code tell of failed streams."""
        for error in self.failures.values():
            if isinstance(error, BadToken):
                raise error
        if self.failures:
            raise StreamsFailed


def _environment(tap: type[TapExports]) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = tap._env_var_config  # noqa: SLF001 - the SDK's own reading of it
    except ValueError as error:
        raise SettingsError(
            f"a setting in the environment cannot be read: {error}", "Numbers are plain, objects are JSON."
        ) from None
    return found


def _in_words(path: Sequence[Any], message: str) -> str:
    """A fault that the JSON schema found, without the value of a secret."""
    if not path:
        return message
    name = ".".join(map(str, path))
    return f"{name}: it is not of the right kind" if path[0] in SECRETS else f"{name}: {message}"
