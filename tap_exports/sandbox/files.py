"""The file host: CSVs by signed links. It rejects a second credential, like S3."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

from tap_exports.sandbox.faults import Place
from tap_exports.sandbox.reply import Reply
from tap_exports.sandbox.request_handler import RequestHandler

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from tap_exports.sandbox.export import Export
    from tap_exports.sandbox.links import Links
    from tap_exports.sandbox.request_handler import Call
    from tap_exports.sandbox.store import Store

MESSAGES = {
    "InvalidArgument": (
        400,
        "Only one auth mechanism allowed; only the signature query or the Authorization header",
    ),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the one you provided.",
    ),
    "AccessDenied": (403, "Request has expired"),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "NoSuchKey": (404, "The specified key does not exist."),
}
PATH = re.compile(r"/exports/(?P<id>[0-9]+)/[a-z0-9_]+\.csv")


def error(code: str) -> Reply:
    """An error in the format of S3."""
    status, message = MESSAGES[code]
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>SANDBOX</RequestId></Error>"
    )
    return Reply(status, text.encode(), {"Content-Type": "application/xml"})


def file_path(export: Export) -> str:
    """The path of an export's file."""
    return f"/exports/{export.id}/{export.type}.csv"


class Files(RequestHandler):
    """The file host."""

    host = "file"

    def __init__(self, store: Store, links: Links) -> None:
        super().__init__(store)
        self._links = links

    def place(self, request: Request) -> tuple[Place, tuple[str, ...]]:
        """The file's export."""
        found = PATH.fullmatch(request.path)
        return Place.FILE, (found["id"],) if found else ()

    def export_type(self, call: Call) -> str | None:
        """The type of the file's export."""
        export = self._export(call)
        return export.type if export else None

    def _export(self, call: Call) -> Export | None:
        return self._store.export_queue.get(int(call.parts[0])) if call.parts else None

    def handle(self, call: Call) -> Reply:
        """Send a file, or reject the request."""
        request, export = call.request, self._export(call)
        if "Authorization" in request.headers:
            return error("InvalidArgument")
        if request.method != "GET":
            return error("MethodNotAllowed")
        if refusal := self._links.refusal(request.path, request.args, self._store.clock.now()):
            return error(refusal)
        if export is None:
            return error("NoSuchKey")
        self._store.export_queue.count_download(export.id)
        return self._sent(request, self._store.file(export.id))

    def _sent(self, request: Request, content: bytes) -> Reply:
        how = self._store.options.gzip
        headers = {"Content-Type": "text/csv"}
        if how == "always" or (how == "accepted" and request.accept_encodings.quality("gzip") > 0):
            content = gzip.compress(content, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        elif how == "mislabeled":
            headers["Content-Encoding"] = "gzip"
        return Reply(200, content, headers)
