"""A merchant's own columns: metadata definitions and their values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from tap_exports.sandbox.sample_data import AWKWARD
from tap_exports.sandbox.seeded_random import SeededRandom

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.sandbox.model import Value

COLOURS = ("red", "grün", "007", "blue")
MADE = datetime(2023, 5, 4, 9, 30, tzinfo=timezone.utc)


class MetadataType(str, Enum):
    """The type of a definition's values."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    RICH_TEXT = "rich_text"
    MULTI_TEXT = "multi_text"
    FILE = "file"
    BOOLEAN = "boolean"


_VALUES: dict[MetadataType, Callable[[SeededRandom], Value]] = {
    MetadataType.TEXT: lambda rng: rng.pick(AWKWARD),
    MetadataType.INTEGER: lambda rng: rng.between(-5, 5_000),
    MetadataType.DECIMAL: lambda rng: Decimal(rng.between(-500, 250_000)) / 100,
    MetadataType.RICH_TEXT: lambda rng: f'<p>Pack with <b>care</b>,\n"{rng.below(9)}" layers</p>',
    MetadataType.MULTI_TEXT: lambda rng: f"{rng.pick(COLOURS)}, {rng.pick(COLOURS)}",
    MetadataType.FILE: lambda rng: f"https://cdn.example.com/media/{rng.hex(12)}.pdf",
    MetadataType.BOOLEAN: lambda rng: rng.chance(50),
}


@dataclass(frozen=True)
class Definition:
    """One metadata definition."""

    owner: str  # what it is on: attribution, customer, dispute, line, order, product or variant
    key: str  # unique among those of the owner
    name: str  # what the merchant calls it
    type: MetadataType  # what its values are
    enable_export: bool  # whether exports have it as a column
    id: int = 0  # as the API has it

    def value(self, seed: int, holder: object) -> Value:
        """The value of one object; None for a third of them."""
        rng = SeededRandom(seed, "metadata", self.owner, self.key, holder)
        if rng.chance(30):
            return None
        if self.key == "erp_code":
            return rng.digits(5)
        if self.key.endswith("timestamp"):
            return 1_700_000_000_000 + rng.below(10**11)
        return _VALUES[self.type](rng)

    def as_json(self) -> dict[str, object]:
        """As the API answers it."""
        made = MADE.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "id": self.id,
            "name": self.name,
            "key": self.key,
            "object": self.owner,
            "type": self.type.value,
            "enable_export": self.enable_export,
            "enable_filter": False,
            "validations": [],
            "created_at": made,
            "updated_at": made,
        }


_TABLE = """
    order       | gift_message         | Gift Message       | text       | on
    order       | loyalty_points       | Loyalty Points     | integer    | on
    order       | insurance_value      | Insurance Value    | decimal    | on
    order       | packing_notes        | Packing Notes      | rich_text  | off
    order       | labels               | Labels             | multi_text | on
    order       | signed_form          | Signed Form        | file       | off
    order       | vip                  | VIP Order          | boolean    | on
    order       | source_detail        | Source             | text       | off
    attribution | device_type          | Device Type        | text       | on
    attribution | conversion_timestamp | Conversion Time    | integer    | on
    customer    | erp_code             | ERP Code           | text       | on
    customer    | birthday_club        | Birthday Club      | boolean    | on
    line        | engraving            | Engraving          | text       | on
    line        | personalization_fee  | Personalization Fee | decimal   | off
    product     | hs_code              | HS Code            | text       | on
    dispute     | evidence             | Evidence           | file       | on
    dispute     | reviewer             | Reviewer           | text       | on
    order       | gift_message_2       | Gift Message       | integer    | off
    blog        | reading_time         | Reading Time       | integer    | on
    page        | theme                | Theme              | text       | on
"""
_CAMPAIGNS_APP = """
    order       | campaign_id                | Campaign ID          | text    | on
    order       | campaign_name              | Campaign Name        | text    | on
    attribution | app_conversion_timestamp   | Conversion Timestamp | integer | on
    attribution | device                     | Device               | text    | on
    attribution | app_device_type            | Device Type          | text    | on
    attribution | domain                     | Domain               | text    | on
    attribution | landing_page               | Landing Page         | text    | on
    attribution | referrer                   | Referrer             | text    | on
    attribution | sdk_version                | SDK Version          | text    | on
    attribution | timestamp                  | Timestamp            | integer | on
    attribution | user_ip                    | User IP              | text    | on
"""


def definitions(table: str = _TABLE, first: int = 1) -> list[Definition]:
    """The definitions that a new store has."""
    made = []
    for number, line in enumerate(table.strip().splitlines(), start=first):
        owner, key, name, kind, switch = (part.strip() for part in line.split("|"))
        made.append(Definition(owner, key, name, MetadataType(kind), switch == "on", number))
    return made


class Merchant:
    """The definitions of a store, and whether exports have them."""

    def __init__(self, *, campaigns_app: bool = False) -> None:
        self._definitions = definitions()
        if campaigns_app:
            self._definitions += definitions(_CAMPAIGNS_APP, len(self._definitions) + 1)

    @property
    def all(self) -> tuple[Definition, ...]:
        """All definitions, oldest first."""
        return tuple(self._definitions)

    def enabled(self) -> tuple[Definition, ...]:
        """Those that are columns of exports."""
        return tuple(one for one in self.all if one.enable_export)

    def add(self, owner: str, key: str, name: str, kind: MetadataType) -> None:
        """Add a definition whose column is in exports from now on."""
        number = len(self._definitions) + 1
        self._definitions.append(Definition(owner, key, name, MetadataType(kind), enable_export=True, id=number))
