"""Records → Singer lines, fast: one encoder, one buffer, few writes.

All messages go through one buffer, so their order holds. Only records wait in it; any other message, a
STATE above all, goes to the pipe at once together with all that precedes it.
"""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.messages import Message, RecordMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

_FULL = 256 * 1024


class TargetGone(BaseException):
    """Nobody reads what the tap writes any more. No error of the tap's: it ends quietly."""


class OutputFailed(BaseException):
    """What the tap writes cannot be kept where it goes, as on a full disk. No stream can go on after half a line."""


class _Record(msgspec.Struct, tag_field="type", tag="RECORD", omit_defaults=True):
    """A RECORD message as it goes over the wire."""

    stream: str
    record: dict[str, Any]
    version: int | None = None
    time_extracted: str | None = None


class MessageWriter(GenericSingerWriter[bytes, Message]):
    """Writes Singer messages to standard output."""

    def __init__(self) -> None:
        super().__init__()
        # as the SDK's own writer does, str() makes text of what JSON has no word for
        self._encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
        self._buffer = bytearray()

    def serialize_message(self, message: Message) -> bytes:
        """A message as a line of JSON, without its end.

        Args:
            message: Any Singer message.
        """
        return self._encoder.encode(message.to_dict())

    def write_message(self, message: Message) -> None:
        """Write a message.

        Args:
            message: Any Singer message; a record may wait for others.

        Raises:
            TargetGone: If nobody reads any more.
            OutputFailed: If it cannot be written.
        """
        self._buffer += self.serialize_message(message)
        self._buffer += b"\n"
        if not isinstance(message, RecordMessage) or len(self._buffer) >= _FULL:
            self.flush()

    def write_records(self, stream: str, records: Sequence[dict[str, Any]], version: int | None) -> None:
        """Write records of one stream, all extracted just now.

        Args:
            stream: The stream's name.
            records: Their values; decimals are written as exact numbers.
            version: The table version, for a full-table sync that announces one.

        Raises:
            TargetGone: If nobody reads any more.
            OutputFailed: If it cannot be written.
        """
        now = datetime.now(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
        self._buffer += self._encoder.encode_lines([_Record(stream, record, version, now) for record in records])
        if len(self._buffer) >= _FULL:
            self.flush()

    def flush(self) -> None:
        """Send what has been written to the pipe.

        Raises:
            TargetGone: If nobody reads any more.
            OutputFailed: If it is no pipe but a file, and cannot be written.
        """
        data, self._buffer = bytes(self._buffer), bytearray()
        try:
            raw = getattr(sys.stdout, "buffer", None)
            if raw is None:  # a test has put a text stream in its place
                sys.stdout.write(data.decode())
            else:
                _write_all(raw, data)
        except (BrokenPipeError, ConnectionResetError):
            raise TargetGone from None
        except OSError as error:
            raise OutputFailed(error.strerror) from None


def _write_all(pipe: IO[bytes], data: bytes) -> None:
    """Write all of it: with PYTHONUNBUFFERED standard output is raw, and a write that a signal meets is short."""
    rest = memoryview(data)
    while rest:
        rest = rest[pipe.write(rest) or 0 :]
    pipe.flush()
