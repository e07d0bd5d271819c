"""hub/tap-exports.yml agrees with meltano.yml."""

from __future__ import annotations

import hub


def test_the_hubs_file_is_up_to_date():
    assert hub.FILE.read_text() == hub.text()
