"""Records → Singer lines, fast: one encoder, one buffer, few writes.

All messages go through one buffer, so they keep their order. Only records are buffered: any other message is
written at once, with all that precedes it.
"""

from __future__ import annotations

import io
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.messages import Message, RecordMessage

from tap_exports.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer as ReadableBuffer

_FULL = 256 * 1024


class TargetGone(BaseException):
    """The target has closed the pipe; the tap stops without an error."""


class OutputFailed(BaseException):
    """The output cannot be written, for instance to a full disk. After a partial line, no stream can continue."""


class _Output(io.FileIO):
    """Standard output, whose errors differ from those of other files."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except (BrokenPipeError, ConnectionResetError):
            raise TargetGone from None
        except OSError as error:
            raise OutputFailed(error.strerror) from None


def standard_output() -> io.TextIOWrapper:
    """Standard output that raises TargetGone and OutputFailed instead of OSError."""
    output = _Output(1, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(output), encoding="utf-8", line_buffering=output.isatty())


class _Record(msgspec.Struct, tag_field="type", tag="RECORD", omit_defaults=True):
    """A RECORD message."""

    stream: str
    record: dict[str, Any]
    version: int | None = None
    time_extracted: str | None = None


class MessageWriter(GenericSingerWriter[bytes, Message]):
    """Writes Singer messages to standard output."""

    def __init__(self) -> None:
        super().__init__()
        # str() for types that JSON does not have, as in the SDK's writer
        self._encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
        self._buffer = bytearray()
        self.is_writing = False
        """Whether a write to the target is in progress."""

    def serialize_message(self, message: Message) -> bytes:
        """A message as a line of JSON, without the line break."""
        return self._encoder.encode(message.to_dict())

    def write_message(self, message: Message) -> None:
        """Write a message; a record may wait in the buffer. Raises as `flush` does."""
        self._buffer += self.serialize_message(message)
        self._buffer += b"\n"
        if not isinstance(message, RecordMessage) or len(self._buffer) >= _FULL:
            self.flush()

    def write_records(self, stream: str, records: Sequence[dict[str, Any]], version: int | None) -> None:
        """Write records of one stream, extracted now; decimals are exact numbers. Raises as `flush` does."""
        now = rfc3339(datetime.now(timezone.utc))
        self._buffer += self._encoder.encode_lines([_Record(stream, record, version, now) for record in records])
        if len(self._buffer) >= _FULL:
            self.flush()

    def flush(self) -> None:
        """Write the buffer to standard output.

        Raises:
            TargetGone: If the target has closed the pipe.
            OutputFailed: If the output cannot be written.
        """
        data, self._buffer = bytes(self._buffer), bytearray()
        self.is_writing = bool(data)
        try:
            raw = getattr(sys.stdout, "buffer", None)
            if raw is None:  # a text stream, as in tests
                sys.stdout.write(data.decode())
            else:
                raw.write(data)
                raw.flush()
        finally:
            self.is_writing = False
