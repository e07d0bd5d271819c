"""The file host: CSVs by signed links. It rejects a second credential, like S3."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tap_exports.sandbox.request_handler import Reply, RequestHandler

if TYPE_CHECKING:
    from werkzeug.wrappers import Request as HttpRequest

    from tap_exports.sandbox.faults import Place
    from tap_exports.sandbox.records import Export, Request
    from tap_exports.sandbox.store import Store

LINK_LIFE = timedelta(minutes=5)
ERRORS = {
    "InvalidArgument": (400, "Only one auth mechanism allowed"),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the one you provided."),
    "AccessDenied": (403, "Request has expired"),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
}


def _error(code: str) -> Reply:
    """An error in the format of S3."""
    status, message = ERRORS[code]
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>SANDBOX</RequestId></Error>"
    )
    return Reply(status, text.encode(), {"Content-Type": "application/xml"})


def _signature(store: Store, path: str, expires: str) -> str:
    return hmac.new(store.link_key, f"GET\n{path}\n{expires}".encode(), hashlib.sha256).hexdigest()


def link_to(store: Store, export: Export, *, expired: bool) -> str:
    """A signed link to an export's file, valid for some minutes."""
    path = f"/exports/{export.id}/{export.type}.csv"
    ends = store.now - timedelta(seconds=1) if expired else store.now + LINK_LIFE
    expires = f"{ends.timestamp():.3f}"
    query = urlencode({"Expires": expires, "Signature": _signature(store, path, expires)})
    return f"{store.file_origin}{path}?{query}"


class Files(RequestHandler):
    """The file host."""

    host = "file"

    def _place(self, request: HttpRequest) -> tuple[Place, int | None]:
        found = re.fullmatch(r"/exports/([0-9]+)/[a-z0-9_]+\.csv", request.path)
        return "file", int(found[1]) if found else None

    def _handle(self, request: Request) -> Reply:
        if "Authorization" in request.headers:
            return _error("InvalidArgument")
        if request.method != "GET":
            return _error("MethodNotAllowed")
        expires, signature = request.query.get("Expires", ""), request.query.get("Signature", "")
        export = self._export(request)
        if export is None or signature != _signature(self._store, request.path, expires):
            return _error("SignatureDoesNotMatch")
        if float(expires) <= self._store.now.timestamp():
            return _error("AccessDenied")
        export.downloads += 1
        return self._sent(request, self._store.file(export.id))

    def _sent(self, request: Request, content: bytes) -> Reply:
        how = self._store.options.gzip
        headers = {"Content-Type": "text/csv"}
        zipped = how == "always" or (how == "accepted" and "gzip" in request.headers.get("Accept-Encoding", ""))
        if zipped or how == "mislabeled":
            headers["Content-Encoding"] = "gzip"
        return Reply(200, gzip.compress(content, 1, mtime=0) if zipped else content, headers)
