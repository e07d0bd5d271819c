"""`make audit` fails for a known vulnerability, and where the service cannot answer."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import audit
import pytest

pytestmark = pytest.mark.slow  # each starts pip-audit

WEAK = {
    "id": "GHSA-0000-0000-0000",
    "modified": "2025-01-01T00:00:00Z",
    "published": "2025-01-01T00:00:00Z",
    "summary": "A weakness.",
    "affected": [
        {
            "package": {"name": "requests", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.20.0"}]}],
        }
    ],
}


@pytest.fixture
def service():
    """A vulnerability service on this machine with one vulnerability, of requests."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = [WEAK] if asked["package"]["name"] == "requests" else []
            body = json.dumps({"vulns": known} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_known_vulnerability_is_a_failure(service, capsys):
    packages = {"requests": "2.19.0", "msgspec": "0.19.0"}
    fault = audit.audit(packages, "--vulnerability-service", "osv", "--osv-url", service)
    assert fault == "1 of 2 packages have known vulnerabilities"
    assert capsys.readouterr().out == "requests 2.19.0: GHSA-0000-0000-0000, fixed in 2.20.0\n"


def test_a_service_that_cannot_be_reached_is_a_failure_in_one_line(closed_port):
    fault = audit.audit({"msgspec": "0.19.0"}, "--vulnerability-service", "osv", "--osv-url", f"http://{closed_port}/")
    assert fault.startswith("the vulnerability service is not available: ")
    assert "\n" not in fault


def test_a_service_that_does_not_know_the_packages_is_a_failure():
    """pip-audit itself skips them and reports success."""
    found = [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}]
    assert audit.verdict(found) == "the vulnerability service does not know 1 of 2 packages: b"
    assert audit.verdict([]) == "the vulnerability service does not know 0 of 0 packages: "
