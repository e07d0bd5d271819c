"""Sample words, people and products. Many are awkward on purpose."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from tap_exports.sandbox.seeded_random import SeededRandom


class Product(NamedTuple):
    """One variant of a product."""

    product_id: int
    variant_id: int
    product: str
    variant: str
    sku: str
    price: Decimal
    cost: Decimal


FIRST_NAMES = (
    "Ada", "Zoë", "José", "Mary Ann", "Łukasz", "Chloé", "Noah", "O'Neil", "Søren", "美咲", "Amélie",
    "Dwayne", "Priya", "Jürgen", "NULL", "Nan", "Yusuf", "Ana María", "Björk", "True", "Ivy", "Ed",
)  # fmt: skip
LAST_NAMES = (
    "Lovelace", "Müller", "García, Jr.", 'Smith "Smitty"', "O'Brien", "Nuñez", "de la Cruz", "佐藤", "None",
    "Null", "Kowalski", "St. John", "Dvořák", "Van Der Berg", "Ng", "Åström", "Mc  Donald", "Øst",
)  # fmt: skip
# City, state, postcode (some with leading zeros), country.
CITIES = (
    ("Boston", "MA", "02134", "US"),
    ("Newark", "NJ", "07102", "US"),
    ("San Juan", "PR", "00901", "US"),
    ("Austin", "TX", "78701", "US"),
    ("Portland", "OR", "97209", "US"),
    ("New York", "NY", "10001-0042", "US"),
    ("Dresden", "Sachsen", "01067", "DE"),
    ("Córdoba", "Andalucía", "14001", "ES"),
    ("Nice", "Provence-Alpes-Côte d'Azur", "06000", "FR"),
    ("London", "", "SW1A 1AA", "GB"),
    ("札幌市", "北海道", "060-0001", "JP"),
)
STREETS = ("Main St", "Broadway", "High Street", "Rue de l'Église", "Königsallee", "Elm Ave", "中央区北一条")
LINE2 = ("", "", "", "Apt 4, 2nd floor", 'c/o "The Barn"', "Unit #007", "  Rear house ")
LANGUAGES = ("en", "en", "en", "es", "fr", "de", "ja")
SOURCES = ("Storefront", "Storefront", "Campaigns", "API", "Dashboard")
UTM_SOURCES = (None, None, "google", "facebook", "newsletter", "tiktok")
CAMPAIGNS = ("spring_sale", "été 2024", "50% off, today!", "retarget|warm", "0001")
FUNNELS = (None, "Main Funnel", "Upsell A/B", "VSL-2")
AFFILIATES = (None, None, "1001", "0007", "partner-x")
SHIPPING = (
    ("Standard Shipping", Decimal("5.99")),
    ("Express, 2 days", Decimal("14.50")),
    ("Free Shipping", Decimal("0.00")),
)
PAYMENT_METHODS = ("Card", "Card", "Card", "PayPal", "Apple Pay", "Klarna")
CARRIERS = ("UPS", "USPS", "DHL", "FedEx")
LOCATIONS = ((1, "Main Warehouse"), (2, "Newark, NJ"), (7, "3PL “West”"))
TAGS = ("", "", "vip", "vip, gift", "wholesale", "first-order, 🎁")
RETURN_REASONS = ("Wrong size", "Damaged in transit", 'Not "as described"', "Changed mind", "Other; see notes")
CANCEL_REASONS = ("Too expensive", "No longer needed", "Moving abroad,\nwill be back")
DISPUTE_TYPES = ("chargeback", "inquiry", "pre_dispute")
DECLINES = (("51", "Insufficient funds"), ("05", "Do not honor"), ("54", "Expired card"))
AWKWARD = (
    "", "NULL", "007", "  two spaces each side  ", 'She said "hi", twice', "Happy birthday!\nLove, Gran", "naïve café",
    "ありがとう", "🎁 for you", "a,b;c\td", "=1+1", "None", "nan", "1e5", "2024-02-30", "line\r\nbreak",
)  # fmt: skip


def _product(number: int, name: str, variants: tuple[str, ...], price: str, cost: str) -> list[Product]:
    return [
        Product(
            product_id=100 + number,
            variant_id=1000 + number * 10 + at,
            product=name,
            variant=variant,
            sku=f"{number:03d}-{variant[:2].upper()}{at}",
            price=Decimal(price) + at,
            cost=Decimal(cost),
        )
        for at, variant in enumerate(variants)
    ]


PRODUCTS = (
    *_product(7, "Travel Mug", ("Black", "White", "Sea, green"), "24.00", "6.15"),
    *_product(12, "Crème de Jour", ("50 ml", "100 ml"), "39.90", "9.80"),
    *_product(19, 'Poster 24" x 36"', ("Matte", "Gloss"), "18.50", "3.05"),
    *_product(23, "抹茶 Matcha Tin", ("Ceremonial", "Culinary"), "32.10", "11.00"),
    *_product(31, "Standing Desk", ("Oak", "Walnut"), "1249.00", "610.40"),
    *_product(44, "Gift Card", ("Any amount",), "50.00", "0.00"),
    *_product(58, "Sticker", ("Round",), "0.10", "0.01"),
    *_product(61, "Daily Vitamins", ("30 days", "90 days"), "29.95", "4.45"),
)
SUBSCRIBABLE = tuple(product for product in PRODUCTS if product.product in {"Daily Vitamins", "抹茶 Matcha Tin"})


@lru_cache(maxsize=20_000)
def profile(seed: int, customer: int) -> dict[str, str | bool]:
    """A customer's name, address and flags, by the keys of the customers' columns."""
    rng = SeededRandom(seed, "profile", customer)
    mobile, other = f"+1555{rng.digits(7)}", rng.pick(("", "0049 351 0123", "(617) 555-0100"))
    ipv4, ipv6 = f"203.0.113.{rng.below(256)}", f"2001:db8::{rng.hex(4)}"
    city, state, postcode, country = rng.pick(CITIES)
    return {
        "first_name": rng.pick(FIRST_NAMES),
        "last_name": rng.pick(LAST_NAMES),
        "email": f"customer{customer}@example.com",
        "phone_number": mobile if rng.chance(70) else other,
        "ip": ipv4 if rng.chance(80) else ipv6,
        "language": rng.pick(LANGUAGES),
        "line1": f"{rng.between(1, 999)} {rng.pick(STREETS)}",
        "line2": rng.pick(LINE2),
        "line4": city,
        "state": state,
        "postcode": postcode,
        "country": country,
        "accepts_marketing": rng.chance(60),
        "is_blocked": rng.chance(2),
        "tags": rng.pick(TAGS),
    }


def attribution(seed: int, order: int) -> dict[str, str | None]:
    """Where the buyer of an order came from, by the keys of the orders' columns."""
    rng = SeededRandom(seed, "attribution", order)
    source, affiliate = rng.pick(UTM_SOURCES), rng.pick(AFFILIATES)
    return {
        "utm_source": source,
        "utm_campaign": rng.pick(CAMPAIGNS) if source else None,
        "affiliate": affiliate,
        "subaffiliate1": rng.digits(4) if affiliate else None,
        "funnel": rng.pick(FUNNELS),
        "gclid": f"Cj0K{rng.hex(16)}_{rng.hex(6)}" if source == "google" else None,
        "source": rng.pick(SOURCES),
    }
