"""Metadata definitions, which are a merchant's own columns, and their values."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_exports.sandbox.sample_data import AWKWARD
from tap_exports.sandbox.seeded_random import SeededRandom

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.sandbox.model import Value

COLOURS = ("red", "grün", "007", "blue")
_VALUES: dict[str, Callable[[SeededRandom], Value]] = {
    "text": lambda rng: rng.pick(AWKWARD),
    "integer": lambda rng: rng.between(-5, 5_000),
    "decimal": lambda rng: Decimal(rng.between(-500, 250_000)) / 100,
    "rich_text": lambda rng: f'<p>Pack with <b>care</b>,\n"{rng.below(9)}" layers</p>',
    "multi_text": lambda rng: f"{rng.pick(COLOURS)}, {rng.pick(COLOURS)}",
    "file": lambda rng: f"https://cdn.example.com/media/{rng.hex(12)}.pdf",
    "boolean": lambda rng: rng.chance(50),
}
"""Values by the types that the API has."""


class Definition(NamedTuple):
    """One metadata definition, by the API's names."""

    id: int
    object: str  # attribution, customer, dispute, line, order, product or variant
    key: str  # unique
    name: str  # what the merchant calls it
    type: str
    enable_export: bool = True  # whether exports have it as a column

    def value(self, seed: int, holder: Value) -> Value:
        """The value of one object; None for a third of them."""
        rng = SeededRandom(seed, "metadata", self.object, self.key, holder)
        if rng.chance(30):
            return None
        if self.key == "erp_code":
            return rng.digits(5)
        if self.key.endswith("timestamp"):
            return 1_700_000_000_000 + rng.below(10**11)
        return _VALUES[self.type](rng)

    def as_json(self) -> dict[str, Any]:
        """As the API answers it."""
        made = dict.fromkeys(("created_at", "updated_at"), "2023-05-04T09:30:00Z")
        return {**self._asdict(), "enable_filter": False, "validations": [], **made}


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


def definitions(*, campaigns_app: bool = False) -> list[Definition]:
    """The definitions that a new store has."""
    lines = (_TABLE + (_CAMPAIGNS_APP if campaigns_app else "")).splitlines()
    found: list[Definition] = []
    for line in filter(None, lines):
        owner, key, name, kind, switch = (part.strip() for part in line.split("|"))
        found.append(Definition(len(found) + 1, owner, key, name, kind, switch == "on"))
    return found
