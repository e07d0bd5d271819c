"""Who a customer is, where a buyer came from: details that follow from an object's id alone."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from tap_exports.sandbox import sample_data as words
from tap_exports.sandbox.seeded_random import Dice


class Profile(NamedTuple):
    """A customer's details, and where parcels go."""

    first_name: str
    last_name: str
    email: str
    phone: str
    ip: str
    language: str
    line1: str
    line2: str
    city: words.City
    accepts_marketing: bool
    is_blocked: bool
    tags: str


class Attribution(NamedTuple):
    """Where the buyer of an order came from."""

    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    affiliate: str | None
    subaffiliate1: str | None
    funnel: str | None
    gclid: str | None
    source: str


@lru_cache(maxsize=20_000)
def profile(seed: int, customer: int) -> Profile:
    """A customer's details."""
    dice = Dice(seed, "profile", customer)
    first, last = dice.pick(words.FIRST_NAMES), dice.pick(words.LAST_NAMES)
    return Profile(
        first_name=first,
        last_name=last,
        email=f"customer{customer}@example.com",
        phone=f"+1555{dice.digits(7)}" if dice.chance(70) else dice.pick(("", "0049 351 0123", "(617) 555-0100")),
        ip=f"203.0.113.{dice.below(256)}" if dice.chance(80) else f"2001:db8::{dice.hex(4)}",
        language=dice.pick(words.LANGUAGES),
        line1=f"{dice.between(1, 999)} {dice.pick(words.STREETS)}",
        line2=dice.pick(words.LINE2),
        city=dice.pick(words.CITIES),
        accepts_marketing=dice.chance(60),
        is_blocked=dice.chance(2),
        tags=dice.pick(words.TAGS),
    )


def attribution(seed: int, order: int) -> Attribution:
    """Where the buyer of an order came from."""
    dice = Dice(seed, "attribution", order)
    source = dice.pick(words.UTM_SOURCES)
    affiliate = dice.pick(words.AFFILIATES)
    return Attribution(
        utm_source=source,
        utm_medium=dice.pick(words.UTM_MEDIUMS) if source else None,
        utm_campaign=dice.pick(words.CAMPAIGNS) if source else None,
        affiliate=affiliate,
        subaffiliate1=dice.digits(4) if affiliate else None,
        funnel=dice.pick(words.FUNNELS),
        gclid=f"Cj0K{dice.hex(16)}_{dice.hex(6)}" if source == "google" else None,
        source=dice.pick(words.SOURCES),
    )
