"""The errors of the tap, grouped by what the user can do about them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType


class TapExportsError(Exception):
    """An error that a user can act on: one line of what, where, and what to do.

    `what` says what went wrong, without a full stop; `hint` says what to do, as a sentence.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.where = ""

    def at(self, where: str) -> TapExportsError:
        """Add where it happened, such as `stream order_list, export 42`, unless that is set; return the same error."""
        self.where = self.where or where
        return self

    def __str__(self) -> str:
        """The one line that a user sees."""
        return self.line(self.where)

    def line(self, where: str) -> str:
        """The line that a user sees, with another place."""
        line = f"{self.what} ({where})" if where else self.what
        line = f"{line.removesuffix('.')}. {self.hint}" if self.hint else line  # the store's own words may end with one
        return " ".join(line.split())


def shortened(text: str, longest: int = 300) -> str:
    """A text, cut to a length that fits into a log line."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def lines_of(failures: Mapping[str, TapExportsError]) -> list[str]:
    """One line for each cause of the failures, which are given by stream."""
    causes: dict[tuple[str, str], list[str]] = {}
    for stream, error in failures.items():
        causes.setdefault((error.what, error.hint), []).append(stream)
    lines = []
    for streams in causes.values():
        error = failures[streams[0]]
        lines.append(error.line(f"{len(streams)} streams: {', '.join(streams)}") if len(streams) > 1 else str(error))
    return lines


class SettingsError(TapExportsError):
    """A setting, the catalog or the state must be corrected."""


class InvalidSettings(SettingsError):
    """Several settings, one of `lines` for each; no request was made."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


class StoreRefused(TapExportsError):
    """The store rejected a request, and would reject it again (400 and others)."""


class Unauthorized(StoreRefused):
    """401: a new token is needed, and the run ends."""


class MissingScope(StoreRefused):
    """403: the token needs another scope."""


class NotFound(StoreRefused):
    """404: the store does not have what was requested."""


class StoreTrouble(TapExportsError):
    """A transient error that outlasted every retry: run again later."""


class ExportStuck(TapExportsError):
    """An export that was not ready in time, or that has an unknown status."""

    state: Mapping[str, str | float] = MappingProxyType({})
    """What the stream's state entry keeps for the next run."""


class InvalidFile(TapExportsError):
    """A downloaded file that failed validation; nothing of it was used."""


class LinkExpired(InvalidFile):
    """The file host refused a signed link: a new one may work."""


class ErrorPage(InvalidFile):
    """A web server's error page instead of a file: transient."""


class SuspectFile(InvalidFile):
    """A file that may be right or wrong: a fresh export of the same window decides."""


class InvalidKey(SuspectFile):
    """A key that is blank or repeated."""


class ZeroBytes(SuspectFile):
    """A file without a single byte."""


class NoLineBreak(SuspectFile):
    """A file without a line break at its end, which may be truncated."""


class TooManyRows(TapExportsError):
    """A window of one second that is still at the cap."""


class BadData(TapExportsError):
    """A cell that `on_invalid_value` forbids, or a column that `on_new_column` forbids."""


class LocalTrouble(TapExportsError):
    """An error of this machine, such as a full disk or a port in use."""


class UnexpectedError(TapExportsError):
    """A bug, to report. The message has the exception's class and line only: its text may contain a signed link."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"Unexpected error: {type(error).__name__} {_place(error.__traceback__)}",
            "Report it to the maintainers, with the log of a run with LOGLEVEL=DEBUG.",
        )
        self.__traceback__ = error.__traceback__
        self.__suppress_context__ = True


def _place(trace: TracebackType | None) -> str:
    """The innermost line of a traceback, and the tap's own line that led to it."""
    places = []
    while trace is not None:
        places.append((str(trace.tb_frame.f_globals.get("__name__")), trace.tb_lineno))
        trace = trace.tb_next
    own = [place for place in places if place[0].startswith(f"{__package__}.")]
    lines = (f"{name} line {line}" for name, line in dict.fromkeys([*places[-1:], *own[-1:]]))
    return f"in {', called from '.join(lines)}"


class Stopped(BaseException):
    """Raised in every waiting thread when the run ends early. Not an Exception, so no error handler catches it."""
