"""Everything that can go wrong, grouped by what the user can do about it.

TapExportsError          one line: what, where, what to do
├── SettingsError        mend a setting, the catalog or the state; nothing was asked of the store
├── StoreRefused         the store understood and said no (400 and its like)
│   ├── BadToken         401: a new token is needed, nothing else can be done in this run
│   ├── MissingScope     403: the token needs another scope
│   └── NotThere         404: the store does not have it
├── StoreTrouble         passing trouble that outlasted every retry: run again later
├── ExportStuck          an export that was not ready in time
├── BadFile              a file that failed a check, so that nothing of it was used
│   └── LinkExpired      its link was refused: a fresh one may do
├── TooManyRows          one second of the store holds more rows than an export can
├── BadData              cells or columns that the settings forbid
└── LocalTrouble         this machine: disk, descriptors, ports

Stopped                  not an error: the run is ending, whoever waits lets go
"""

from __future__ import annotations


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
        line = f"{self.what} ({self.where})" if self.where else self.what
        line = f"{line}. {self.hint}" if self.hint else line
        return " ".join(line.split())


class SettingsError(TapExportsError):
    """A setting, the catalog or the state cannot be used."""


class StoreRefused(TapExportsError):
    """The store answered with a refusal that asking again would not change."""


class BadToken(StoreRefused):
    """The store does not know the token (401)."""


class MissingScope(StoreRefused):
    """The token may not do this (403)."""


class NotThere(StoreRefused):
    """The store does not have what was asked for (404)."""


class StoreTrouble(TapExportsError):
    """The store or the way to it did not work, however often it was tried."""


class ExportStuck(TapExportsError):
    """An export that was not ready by its deadline, or of which the store says something unknown."""


class BadFile(TapExportsError):
    """A downloaded file that failed a check."""


class LinkExpired(BadFile):
    """The file host refused a signed link."""


class TooManyRows(TapExportsError):
    """A window that cannot be halved any more is still at the cap."""


class BadData(TapExportsError):
    """A cell or a column that `on_invalid_value` or `on_new_column` tells to fail on."""


class LocalTrouble(TapExportsError):
    """Something on this machine: a full disk, a port in use."""


class Stopped(BaseException):
    """Raised in whoever waits when the run ends early. Not an error, so nothing that handles errors sees it."""
