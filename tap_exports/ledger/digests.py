"""Records → keys and digests, many at a time. Pure."""

from __future__ import annotations

import json
from hashlib import blake2b
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WINDOW_COLUMNS = {"date_from", "date_to", "export_id"}
"""Columns of the export that contained a record, which are not compared."""
SIZE = 16

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def digests_of(records: Sequence[dict[str, Any]]) -> list[bytes]:
    """The digests of records with the same columns, in any order of columns."""
    names = sorted(records[0].keys() - WINDOW_COLUMNS)
    lines = _ENCODER.encode_lines(list(map(itemgetter(*names), records))).split(b"\n")
    columns = blake2b(_ENCODER.encode(names), digest_size=SIZE)
    digests = []
    for line in lines[: len(records)]:
        digest = columns.copy()
        digest.update(line)
        digests.append(digest.digest())
    return digests


def digest_of_text(text: str) -> bytes:
    """A short digest of a text."""
    return blake2b(text.encode(), digest_size=SIZE // 2).digest()


def keys_of(records: Iterable[dict[str, Any]], columns: Sequence[str]) -> list[str]:
    """The keys as text: the value, or a JSON array of the values as PostgreSQL's `jsonb` writes it."""
    if len(columns) == 1:
        column = columns[0]
        return [str(record[column]) for record in records]
    values = itemgetter(*columns)
    return [json.dumps(values(record), ensure_ascii=False, default=str) for record in records]


class SumOfDigests(dict[str, int]):
    """The sum of the lines' digests for each parent, which does not depend on the lines' order."""

    def add(self, parents: Iterable[str], digests: Iterable[bytes]) -> None:
        """Add lines."""
        for parent, digest in zip(parents, digests, strict=True):
            self[parent] = self.get(parent, 0) + int.from_bytes(digest, "big")

    def digest(self, parent: str) -> bytes:
        """The digest of a parent's lines."""
        return (self[parent] % (1 << 8 * SIZE)).to_bytes(SIZE, "big")
