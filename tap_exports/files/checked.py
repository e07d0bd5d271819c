"""CheckedFile: an export's file after its validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_exports.files.csv_file import CheckResult, CsvFile


@dataclass(frozen=True)
class CheckedFile:
    """An export's file that was validated as a whole."""

    csv: CsvFile
    header: list[str]
    checked: CheckResult
    size: int
    """Bytes on disk."""
    sha256: str
