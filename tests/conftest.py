"""What every test shares: a clean environment, no network but loopback, and one small mall that ran once."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.settings import Settings

_OURS = ("CAFE24_", "LLM_", "NEO4J_", "QDRANT_", "EMBEDDING_", "DAGSTER_")
_FOR_TESTS = ("CAFE24_TEST_DATA", "CAFE24_REQUIRE_NEO4J", "NEO4J_URI", "NEO4J_USER", "NEO4J_PASSWORD", "QDRANT_URL")
SMALL_MALL = 300
"""Members of the sandbox mall that tests share: every table and every stage has content, a run takes seconds."""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer's machine reaches a test; each test has a home of its own."""
    for name in os.environ:
        if name.startswith(_OURS) and name not in _FOR_TESTS:
            monkeypatch.delenv(name)
    monkeypatch.setenv("CAFE24_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anywhere else is a bug: the embedded profile needs no network."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def small_mall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a home on which the whole chain ran for a small sandbox mall. Read only."""
    from cafe24_pipelines.instance import run_chain

    root = tmp_path_factory.mktemp("small-mall")
    settings = Settings.from_env({"CAFE24_SANDBOX_CUSTOMERS": str(SMALL_MALL)}, home=root / "home")
    mall = Mall("sandbox")
    register(settings.home, mall)
    before = dict(os.environ)
    os.environ["CAFE24_SANDBOX_CUSTOMERS"] = str(SMALL_MALL)
    try:
        run_chain(settings, mall, lambda line: None)
    finally:
        os.environ.clear()
        os.environ.update(before)
    yield settings
