"""One PostgreSQL for all of these tests; a database and a Meltano project for each."""

from __future__ import annotations

import itertools

import plumbing
import pytest


@pytest.fixture(scope="session")
def server():
    with plumbing.postgres() as address:
        yield address


@pytest.fixture(scope="session")
def numbers():
    return itertools.count(1)


@pytest.fixture
def database(server, numbers):
    """The address of an empty database."""
    name = f"e2e_{next(numbers)}"
    plumbing.query(server, f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def meltano(tmp_path):
    """Make a Meltano project whose tap has this config, and whose plugins have these variables."""

    def make(config, **variables):
        settings = {f"TAP_EXPORTS_{name.upper()}": str(value) for name, value in config.items()}
        return plumbing.Meltano(tmp_path / "project", settings | variables)

    return make
