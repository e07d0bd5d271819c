"""Signed links to files, like those of object stores."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping


class Links:
    """Signs and verifies links; each is valid for some seconds."""

    def __init__(self, key: str, seconds: float) -> None:
        self._key = key.encode()
        self._life = timedelta(seconds=seconds)

    def sign(self, path: str, now: datetime, *, expired: bool = False) -> str:
        """The path with its signature."""
        ends = now - timedelta(seconds=1) if expired else now + self._life
        expires = f"{ends.timestamp():.3f}"
        return f"{path}?{urlencode({'Expires': expires, 'Signature': self._signature(path, expires)})}"

    def refusal(self, path: str, query: Mapping[str, str], now: datetime) -> str | None:
        """Why a request is refused, or None."""
        expires, signature = query.get("Expires", ""), query.get("Signature", "")
        if not hmac.compare_digest(self._signature(path, expires).encode(), signature.encode()):
            return "SignatureDoesNotMatch"
        if datetime.fromtimestamp(float(expires), timezone.utc) <= now:
            return "AccessDenied"
        return None

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._key, f"GET\n{path}\n{expires}".encode(), hashlib.sha256).hexdigest()
