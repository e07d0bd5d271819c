"""Who a customer is, where a buyer came from: details that follow from an object's id alone."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from tap_exports.sandbox import sample_data
from tap_exports.sandbox.seeded_random import SeededRandom


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
    city: sample_data.City
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
    rng = SeededRandom(seed, "profile", customer)
    first, last = rng.pick(sample_data.FIRST_NAMES), rng.pick(sample_data.LAST_NAMES)
    return Profile(
        first_name=first,
        last_name=last,
        email=f"customer{customer}@example.com",
        phone=f"+1555{rng.digits(7)}" if rng.chance(70) else rng.pick(("", "0049 351 0123", "(617) 555-0100")),
        ip=f"203.0.113.{rng.below(256)}" if rng.chance(80) else f"2001:db8::{rng.hex(4)}",
        language=rng.pick(sample_data.LANGUAGES),
        line1=f"{rng.between(1, 999)} {rng.pick(sample_data.STREETS)}",
        line2=rng.pick(sample_data.LINE2),
        city=rng.pick(sample_data.CITIES),
        accepts_marketing=rng.chance(60),
        is_blocked=rng.chance(2),
        tags=rng.pick(sample_data.TAGS),
    )


def attribution(seed: int, order: int) -> Attribution:
    """Where the buyer of an order came from."""
    rng = SeededRandom(seed, "attribution", order)
    source = rng.pick(sample_data.UTM_SOURCES)
    affiliate = rng.pick(sample_data.AFFILIATES)
    return Attribution(
        utm_source=source,
        utm_medium=rng.pick(sample_data.UTM_MEDIUMS) if source else None,
        utm_campaign=rng.pick(sample_data.CAMPAIGNS) if source else None,
        affiliate=affiliate,
        subaffiliate1=rng.digits(4) if affiliate else None,
        funnel=rng.pick(sample_data.FUNNELS),
        gclid=f"Cj0K{rng.hex(16)}_{rng.hex(6)}" if source == "google" else None,
        source=rng.pick(sample_data.SOURCES),
    )
