"""TapExports: command line, settings, discovery, sync."""

from __future__ import annotations

import os
import threading
from copy import deepcopy
from functools import cached_property
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.plugin_base import PluginBase
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_exports.clock import Clock, Timings
from tap_exports.config.catalog import check_catalog
from tap_exports.config.files import read_config, read_object
from tap_exports.config.schema import CONFIG_SCHEMA
from tap_exports.config.sdk_settings import well_formed
from tap_exports.config.settings import Settings, coerce
from tap_exports.config.validation import validation_errors
from tap_exports.context import RunContext
from tap_exports.errors import InvalidSettings, Stopped
from tap_exports.exports.plan import plan_lines
from tap_exports.singer import batches as batch_files
from tap_exports.singer.bookmark import check_state
from tap_exports.singer.compat import SdkStream, read_environment
from tap_exports.singer.own_streams import EXPORT_LOG, REMOVED_OBJECTS, ExportLog, RemovedObjectsStream
from tap_exports.singer.session import end_process, report_unlisted, session
from tap_exports.singer.writer import MessageWriter
from tap_exports.streams import ExportStream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.streams import Stream


class TapExports(Tap):
    """Singer tap for the bulk exports of a Next Commerce (formerly 29 Next) store."""

    timings: ClassVar[Timings] = Timings()
    """Pauses and timeouts, which tests shorten."""
    ended_by: ClassVar[int] = 0
    """The signal that ends this process; 0 for none."""

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
        self.clock = Clock(self.timings)
        if state is not None:
            check_state(state)
        if isinstance(kwargs.get("catalog"), dict):
            check_catalog(kwargs["catalog"])
        if parse_env_config:
            config = {**(config or {}), **read_environment(self.config_jsonschema, self._env_var_prefix)}
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
        help_text = "List the exports that a sync would request, and request none."
        command.params.append(click.Option(["--plan"], is_flag=True, help=help_text))
        for option in command.params:
            if option.name == "test":  # the SDK treats an unknown value as `all`
                option.type = click.Choice(["all", "records", "schema", "disabled"])
            if option.name in {"state", "catalog"}:  # not left open by a command that does not read it
                option.type = click.File("r", lazy=True)
        return command

    @classmethod
    @override
    def invoke(  # type: ignore[override]  # as the SDK's own; with --plan, and a session around the sync
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
        plan: bool = False,
    ) -> None:
        super(Tap, cls).invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        tap = cls(
            config=config.config if config else None,
            state=read_object(state, "the state file", "An empty state is {}.") if state else None,
            catalog=read_object(catalog, "the catalog file", "Make a new one with --discover.") if catalog else None,
            parse_env_config=config is not None and config.parse_env,
            setup_mapper=False,
        )
        if tap.run_context.has_ledger and not plan:
            _ = tap.run_context.ledger  # one that another run has locked is an error before any request
        tap.setup_mapper()
        if plan:
            tap.print_plan()
        else:
            tap.run_sync()

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        if value == CliTestOptionValue.Disabled.value:
            return
        config: _ConfigInput | None = ctx.params.get("config")
        tap = cls(config=config.config if config else None, parse_env_config=config is not None and config.parse_env)
        if value == CliTestOptionValue.Schema.value:
            tap.discover_columns(may_create=False)
            tap.write_schemas()
        else:
            tap.run_test()
        ctx.exit()

    # Settings

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        super().append_builtin_config(config_jsonschema)
        config_jsonschema["properties"]["stream_maps"] = well_formed(config_jsonschema["properties"]["stream_maps"])

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self._config = coerce(self._config)
        errors = validation_errors(self._config, self.config_jsonschema, batch_files.validation_errors)
        if self._config.get("webhook_listen") and find_spec("waitress") is None:
            errors.append("webhook_listen: requires the extra webhook: pip install 'tap-exports[webhook]'")
        if errors and raise_errors:
            raise InvalidSettings(errors)
        for name in sorted(set(self._config) - set(self.config_jsonschema["properties"])):
            self.logger.warning("The setting %s is unknown and has no effect", name)
        return errors

    @cached_property
    def run_context(self) -> RunContext:
        """The objects of this run."""
        return RunContext(Settings(self.config), self.clock, f"{self.name}/{self.plugin_version}")

    # Discovery

    @override
    def discover_streams(self) -> Sequence[Stream]:
        codes = self.run_context.client.types()
        streams: list[Stream] = [ExportStream(self, code, self.run_context) for code in codes]
        if EXPORT_LOG not in codes:
            streams.append(ExportLog(self, EXPORT_LOG, self.run_context))
        if self.run_context.has_ledger and REMOVED_OBJECTS not in codes:
            streams.append(RemovedObjectsStream(self, REMOVED_OBJECTS, self.run_context))
        for setting, named in self.run_context.settings.streams_named():
            for stream in sorted(named.difference(codes)):
                self.logger.warning("%s names the stream %s, which the store does not have", setting, stream)
        return streams

    @property
    def _export_streams(self) -> list[ExportStream]:
        return [stream for stream in self.streams.values() if isinstance(stream, ExportStream)]

    def discover_columns(self, *, may_create: bool = True) -> None:
        """Find the columns of all streams without a catalog; with `may_create`, by creating exports if necessary."""
        unknown = [stream for stream in self._export_streams if not stream.has_columns]
        layouts = self.run_context.discovery(may_create=may_create).run([stream.source for stream in unknown])
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
            if isinstance(stream, SdkStream):
                if stream.is_removed:
                    stream.selected = False
                if not isinstance(stream, ExportStream) or stream.has_columns:
                    stream.register_maps()  # those of other streams follow when their columns are known

    # Sync

    def run_sync(self) -> None:
        """Sync all selected streams, several windows at once; at the end, raise StreamsFailed if some failed."""
        with session(self.run_context, is_sync=True):
            report_unlisted(self, self.run_context.failures)
            for stream in self._export_streams:
                if stream.selected:
                    stream.check_state()  # before the SDK removes a part of the state
                    self.run_context.summary.add_stream(stream.name)
                    self.run_context.scheduler.add(stream.queue())
            try:
                self.sync_all()
            except Stopped:
                # Write the complete messages in the buffer, then a STATE for the completed windows.
                self.message_writer.flush()
                if self.state:
                    self.state_writer.write_state(self.state)
                raise

    def run_test(self) -> None:
        """Write one record of each stream: `--test`. Raises as `run_sync` does."""
        with session(self.run_context, is_sync=False):
            streams = [stream for stream in self._export_streams if not stream.is_removed]
            for stream in streams:  # all streams are exported at once
                stream.ABORT_AT_RECORD_COUNT = 1
                self.run_context.scheduler.add(stream.queue())
            self.run_sync_dry_run(1, streams)

    def print_plan(self) -> None:
        """Print the exports that a sync would request. Raises as `run_sync` does."""
        with session(self.run_context, is_sync=False):
            report_unlisted(self, self.run_context.failures)
            streams = [stream for stream in self._export_streams if stream.selected]
            for line in plan_lines({s.name: self.run_context.scheduler.preview(s.queue()) for s in streams}):
                click.echo(line)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """After SIGINT or SIGTERM: end all waiting, then the run. A second signal ends the process immediately."""
        if TapExports.ended_by:
            os._exit(128 + signum)
        TapExports.ended_by = signum
        # In a thread of its own: the signal may have interrupted code that holds a lock which `end_process` needs.
        arguments = (self.clock, self.message_writer, 128 + signum)
        threading.Thread(target=end_process, args=arguments, daemon=True).start()


TapExports.append_builtin_config(TapExports.config_jsonschema)
