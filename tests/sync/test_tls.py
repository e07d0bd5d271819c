"""Certificates of the API and the file host are verified; a host with an invalid one receives nothing."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
import trustme

from tap_exports.sandbox import Fault

from .conftest import assert_ends_well, assert_fails
from .tls import secure

HOST = "127.0.0.1"
LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def ca():
    """An untrusted CA."""
    return trustme.CA()


@pytest.fixture(scope="module")
def right(ca):
    """The CA's certificate for this machine."""
    return ca.issue_cert(HOST)


@pytest.fixture(autouse=True)
def _bare(monkeypatch, timings):
    """Remove certificates and proxies from the environment."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    timings(tries=2, longest_pause=0.01)


@pytest.fixture
def trusted(ca, tmp_path, monkeypatch):
    """Trust the CA."""
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))


@pytest.fixture
def secured(small_store, right):
    """Switch the store to TLS and return its settings."""

    def make(api=right, files=right):
        return secure(small_store, api, files)

    return make


@pytest.mark.usefixtures("trusted")
def test_a_ca_named_in_the_environment_is_trusted(small_store, inside, secured):
    config = secured()
    assert config["api_url"].startswith("https://")
    run = inside(config)
    assert_ends_well(run, 0)
    assert run.records("order_list")
    assert {entry.host for entry in small_store.log} == {"api", "file"}


WRONG = {
    "unable to get local issuer certificate": lambda ca: trustme.CA().issue_cert(HOST),
    "IP address mismatch": lambda ca: ca.issue_cert("store.example"),
    "certificate has expired": lambda ca: ca.issue_cert(HOST, not_after=LONG_AGO),
}
"""Invalid certificates, by their errors."""


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("why", WRONG)
def test_an_api_with_an_invalid_certificate_receives_no_request(small_store, inside, ca, secured, why):
    run = inside(secured(api=WRONG[why](ca)))
    assert_fails(run, f"the certificate of {HOST} is not trusted", why, "REQUESTS_CA_BUNDLE")
    assert "trying again" not in run.log
    assert small_store.log == []


@pytest.mark.usefixtures("trusted")
def test_a_file_host_with_an_invalid_certificate_receives_no_request(small_store, inside, secured):
    config = secured(files=trustme.CA().issue_cert(HOST))
    run = inside(config, environment={"TAP_EXPORTS_LOGLEVEL": "DEBUG"})
    (line,) = run.errors
    assert f"the certificate of the file host {HOST} is not trusted, unable to get local issuer certificate" in line
    assert "(stream order_list, export " in line
    assert small_store.count(place="file") == 0
    assert "Signature" not in run.log
    assert small_store.token not in run.log


@pytest.mark.parametrize("content", [None, b"no certificate\n"])
def test_an_invalid_certificate_bundle_is_one_error_line(small_store, inside, tmp_path, secured, content):
    config = secured()
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_bytes(content)
    run = inside(config, environment={"REQUESTS_CA_BUNDLE": str(path)})
    assert_fails(run)
    assert re.search("certificate|handshake", run.errors[0])
    assert small_store.log == []


@pytest.mark.usefixtures("trusted")
def test_a_redirect_to_http_is_not_followed(small_store, make_store, inside, secured):
    other = make_store(days=1)
    config = secured()
    location = f"{other.file_origin}/x.csv?Signature=abc"
    small_store.add_fault(Fault("file", "redirect", location=location, times=None))
    run = inside(config)
    assert_fails(run, "a redirect of the file host 127.0.0.1 leads to ", "not https")
    assert "trying again" not in run.log
    assert "abc" not in run.log
    assert other.log == []
