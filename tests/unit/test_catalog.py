"""Catalogs that come from Python, where no reader has looked at them; tests/sync/test_bad_catalogs.py has files."""

from __future__ import annotations

import pytest

from tap_exports.config.catalog import check_catalog
from tap_exports.errors import SettingsError


def test_one_that_no_target_could_write_again_is_refused():
    """The line says what is wrong with it, and how to get another."""
    with pytest.raises(SettingsError, match=r"half a character.*--discover"):
        check_catalog({"streams": [{"tap_stream_id": "\ud800"}]})


def test_a_plain_one_is_taken():
    check_catalog({"streams": [{"tap_stream_id": "order_list", "schema": {"properties": {"a": {"type": "string"}}}}]})


def test_a_line_about_many_faults_stays_a_line():
    properties = {f"column_{n}": {"type": n} for n in range(1000)}
    with pytest.raises(SettingsError, match="a schema that is none for the column column_1;") as caught:
        check_catalog({"streams": [{"tap_stream_id": "order_list", "schema": {"properties": properties}}]})
    assert len(str(caught.value)) < 400
