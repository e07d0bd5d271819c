"""`make audit` fails for a known vulnerability, and where the service cannot answer."""

from __future__ import annotations

import audit
import pytest

WEAK = {"name": "requests", "version": "2.19.0", "vulns": [{"id": "GHSA-0000-0000-0000", "fix_versions": ["2.20.0"]}]}
SAFE = {"name": "a", "version": "1", "vulns": []}
UNKNOWN = {"name": "b", "skip_reason": "not found"}  # pip-audit reports success


@pytest.mark.parametrize(
    ("found", "fault", "printed"),
    [
        ([SAFE], None, ""),
        ([SAFE, WEAK], "1 of 2 packages have known", "requests 2.19.0: GHSA-0000-0000-0000, fixed in 2.20.0\n"),
        ([SAFE, UNKNOWN], "the vulnerability service does not know 1 of 2 packages: b", ""),
        ([], "the vulnerability service does not know 0 of 0 packages: ", ""),
    ],
)
def test_a_vulnerable_or_unknown_package_is_a_failure(capsys, found, fault, printed):
    assert (audit.verdict(found) or "None").startswith(str(fault))
    assert capsys.readouterr().out == printed


@pytest.mark.slow
def test_a_service_that_cannot_be_reached_is_a_failure_in_one_line(closed_port):
    fault = audit.audit({"msgspec": "0.19.0"}, "--vulnerability-service", "osv", "--osv-url", f"http://{closed_port}/")
    assert fault.startswith("the vulnerability service is not available: ")
    assert "\n" not in fault
