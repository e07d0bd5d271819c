"""Helpers of the unit tests."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone

from hypothesis import HealthCheck, settings

from tap_exports.files.checked import CheckedFile
from tap_exports.files.csv_file import CsvFile
from tap_exports.files.records import Records
from tap_exports.schema.keys import line_identity_column
from tap_exports.schema.layout import Column, Layout
from tap_exports.schema.names import column_names
from tap_exports.schema.types import ColumnType
from tap_exports.window import Window

settings.register_profile(
    "unit",
    max_examples=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("unit")

WINDOW = Window(datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2025, 1, 31, tzinfo=timezone.utc))
BASE = {
    "date_from": "2025-01-01T00:00:00Z",
    "date_to": "2025-01-31T00:00:00Z",
    "export_id": 42,
    "invalid_values": None,
}


STAND_IN = "\ue000"
"""Replaces NUL characters, which Python 3.10's writer refuses."""


def bytes_of(content, encoding):
    """A file's content, from its text, its bytes or its cells, which Python's CSV writer writes."""
    if isinstance(content, list):
        text = io.StringIO(newline="")
        csv.writer(text).writerows([cell.replace("\0", STAND_IN) for cell in row] for row in content)
        content = text.getvalue().replace(STAND_IN, "\0")
    return content.encode(encoding) if isinstance(content, str) else content


def file_of(content, encoding="utf-8", *, partial=False):
    """An export's file on disk, from its text, its bytes or its cells."""
    return CsvFile(io.BytesIO(bytes_of(content, encoding)), encoding, partial=partial)


def records_of(content, layout, selected=None, zone=timezone.utc):
    """The records of a file, unread."""
    content = bytes_of(content, "utf-8")
    file = file_of(content)
    header, _ = file.head(0)
    names = column_names(header)
    numeric = [c.name for c in layout.columns if c.type in (ColumnType.INTEGER, ColumnType.NUMBER)]
    found = file.check(numbers=[names.index(name) for name in numeric])
    export = CheckedFile(file, header, found, len(content), "")
    selected = set(layout.schema()["properties"]) if selected is None else selected
    return Records(export, WINDOW, 42, layout, selected, zone)


def rows_of(content, layout, **how):
    """All records of a file."""
    return [record for batch in records_of(content, layout, **how).batches() for record in batch]


def layout_of(columns, keys=(), stream="order_list"):
    """A layout from names and types."""
    return Layout(
        stream, tuple(Column(name, kind) for name, kind in columns.items()), tuple(keys), line_identity_column(columns)
    )
