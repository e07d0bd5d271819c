"""`make audit`: known vulnerabilities of the packages that users install.

These are the tap's dependencies with its extras, at the versions in `constraints.txt`, without those that only
contributors install. Further arguments are passed to pip-audit. If the service is unavailable, or does not know a
package, the audit fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = ".[sandbox,webhook]"


def resolve() -> dict[str, str]:
    """The packages that pip would install for a user: name → version."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        options = ("--quiet", "--dry-run", "--ignore-installed", "--constraint", "constraints.txt", "--report", report)
        subprocess.run([sys.executable, "-m", "pip", "install", *options, INSTALLED], cwd=ROOT, check=True)
        found = json.loads(report.read_text())["install"]
    return {
        item["metadata"]["name"]: item["metadata"]["version"]
        for item in found
        if not item["download_info"].get("dir_info")
    }


def audit(packages: dict[str, str], *options: str) -> str | None:
    """Audit packages (name → version); `options` are pip-audit's. Return an error message, or None."""
    with tempfile.TemporaryDirectory() as scratch:
        pinned = Path(scratch) / "pinned.txt"
        pinned.write_text("".join(f"{name}=={version}\n" for name, version in packages.items()))
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(pinned), "--no-deps", "--disable-pip"]
        command += ["--format", "json", "--progress-spinner", "off", *options]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        reason = (done.stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1]
        return f"the vulnerability service is not available: {reason[:300]}"
    return verdict(answer["dependencies"])


def verdict(found: list[dict[str, Any]]) -> str | None:
    """Print the vulnerabilities in pip-audit's entries. Return an error message, or None."""
    weak = [package for package in found if package.get("vulns")]
    unknown = sorted(package["name"] for package in found if "skip_reason" in package)
    for package in weak:
        for one in package["vulns"]:
            fixed = ", ".join(one["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {one['id']}, fixed in {fixed}")
    if weak:
        return f"{len(weak)} of {len(found)} packages have known vulnerabilities"
    if unknown or not found:
        names = ", ".join(unknown[:5])
        return f"the vulnerability service does not know {len(unknown)} of {len(found)} packages: {names}"
    return None


def main() -> None:
    """Resolve the packages, and audit them."""
    packages = resolve()
    if fault := audit(packages, *sys.argv[1:]):
        sys.exit(f"make audit: {fault}")
    print(f"None of the {len(packages)} packages that a user installs has a known vulnerability.")


if __name__ == "__main__":
    main()
