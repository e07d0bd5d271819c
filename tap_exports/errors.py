"""Everything that can go wrong, grouped by what the user can do about it.

TapExportsError          one line: what, where, what to do
├── SettingsError        correct a setting, the catalog or the state
│   └── InvalidSettings  several settings at once, a line for each; no request was made
├── StoreRefused         the store understood and refused (400 and the like)
│   ├── Unauthorized     401: a new token is needed, nothing else can be done in this run
│   ├── MissingScope     403: the token needs another scope
│   └── NotFound         404: the store does not have it
├── StoreTrouble         transient trouble that outlasted every retry: run again later
├── ExportStuck          an export that was not ready in time
├── InvalidFile          a file that failed validation, so that nothing of it was used
│   ├── LinkExpired      its link was refused: a fresh one may do
│   ├── ErrorPage        a web server's error page in its place: transient
│   └── SuspectFile      a fresh export of the same window decides
│       ├── InvalidKey   a blank or repeated key
│       ├── ZeroBytes    not a single byte
│       └── NoLineBreak  no line break at the end
├── TooManyRows          one second of the store holds more rows than an export can
├── BadData              cells or columns that the settings forbid
├── LocalTrouble         this machine: disk, descriptors, ports
└── UnexpectedError      a bug of the tap or of a library: report it

Stopped                  not an error: the run is ending, and every wait ends
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType


class TapExportsError(Exception):
    """An error that a user can act on.

    Args:
        what: What went wrong, without a full stop.
        hint: What to do about it, as a sentence.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.where = ""

    def at(self, where: str) -> TapExportsError:
        """Say where it happened, unless a station nearer to it already has.

        Args:
            where: For instance `stream order_list, export 42, window … to …`.

        Returns:
            The same error.
        """
        self.where = self.where or where
        return self

    def __str__(self) -> str:
        """The one line that a user sees."""
        return self.line(self.where)

    def line(self, where: str) -> str:
        """The line that a user sees, for another place.

        Args:
            where: As in `at`.
        """
        line = f"{self.what} ({where})" if where else self.what
        line = f"{line.removesuffix('.')}. {self.hint}" if self.hint else line  # the store's own words may end with one
        return " ".join(line.split())


def shortened(text: str, longest: int = 300) -> str:
    """A text that fits into a line of the log.

    Args:
        text: Of any length.
        longest: How many characters may stay.
    """
    return text if len(text) <= longest else f"{text[:longest]}…"


def lines_of(failures: Mapping[str, TapExportsError]) -> list[str]:
    """What to tell of many streams' failures: one line for each cause.

    Args:
        failures: By stream.

    Returns:
        Lines in the order of the first stream that each is about.
    """
    causes: dict[tuple[str, str], list[str]] = {}
    for stream, error in failures.items():
        causes.setdefault((error.what, error.hint), []).append(stream)
    return [
        failures[streams[0]].line(f"{len(streams)} streams: {', '.join(streams)}")
        if len(streams) > 1
        else str(failures[streams[0]])
        for streams in causes.values()
    ]


class SettingsError(TapExportsError):
    """A setting, the catalog or the state cannot be used."""


class InvalidSettings(SettingsError):
    """Settings that cannot be used.

    Args:
        lines: One for each fault.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


class StoreRefused(TapExportsError):
    """The store answered with a refusal that requester again would not change."""


class Unauthorized(StoreRefused):
    """The store does not know the token (401)."""


class MissingScope(StoreRefused):
    """The token may not do this (403)."""


class NotFound(StoreRefused):
    """The store does not have what was asked for (404)."""


class StoreTrouble(TapExportsError):
    """The store or the way to it did not work, however often it was tried."""


class ExportStuck(TapExportsError):
    """An export that was not ready by its deadline, or of which the store says something unknown."""

    state: Mapping[str, str | float] = MappingProxyType({})
    """What the stream's state entry keeps for the next run."""


class InvalidFile(TapExportsError):
    """A downloaded file that failed a check."""


class LinkExpired(InvalidFile):
    """The file host refused a signed link."""


class ErrorPage(InvalidFile):
    """A web server's error page in place of a file: transient."""


class SuspectFile(InvalidFile):
    """A file that may be right or wrong: a fresh export of the same window decides."""


class InvalidKey(SuspectFile):
    """A key that is blank or repeated."""


class ZeroBytes(SuspectFile):
    """A file without a single byte."""


class NoLineBreak(SuspectFile):
    """A file without a line break at its end, which may have been cut."""


class TooManyRows(TapExportsError):
    """A window that cannot be halved any more is still at the cap."""


class BadData(TapExportsError):
    """A cell or a column that `on_invalid_value` or `on_new_column` tells to fail on."""


class LocalTrouble(TapExportsError):
    """Something on this machine: a full disk, a port in use."""


class UnexpectedError(TapExportsError):
    """Something that nobody has thought of. Its own words are not told: they may hold an address that is a secret.

    Args:
        error: What was raised; it tells its kind and its place, and its traceback at debug level.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"Unexpected error: {type(error).__name__} {_place(error.__traceback__)}",
            "Please tell the maintainers, with what a run with LOGLEVEL=DEBUG says.",
        )
        self.__traceback__ = error.__traceback__
        self.__suppress_context__ = True


def _place(trace: TracebackType | None) -> str:
    """The innermost place of a traceback, and the tap's own that led to it."""
    places = []
    while trace is not None:
        places.append((str(trace.tb_frame.f_globals.get("__name__")), trace.tb_lineno))
        trace = trace.tb_next
    own = [place for place in places if place[0].startswith(f"{__package__}.")]
    return ", by way of ".join(f"in {name} line {line}" for name, line in dict.fromkeys([*places[-1:], *own[-1:]]))


class Stopped(BaseException):
    """Raised in whoever waits when the run ends early. Not an error, so nothing that handles errors sees it."""
