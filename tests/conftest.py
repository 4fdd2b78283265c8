"""What every test shares: a clean environment, no network but loopback, and one small mall that ran once."""

import os
import shutil
import socket
import sys
from pathlib import Path

import hypothesis
import pytest

from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.settings import Settings

_OURS = ("CAFE24_", "LLM_", "NEO4J_", "QDRANT_", "EMBEDDING_", "DAGSTER_")
_FOR_TESTS = (
    "CAFE24_TEST_DATA",
    "CAFE24_REQUIRE_NEO4J",
    "CAFE24_REQUIRE_NAMESPACES",
    "NEO4J_URI",
    "NEO4J_USER",
    "NEO4J_PASSWORD",
    "QDRANT_URL",
)
# A slow machine is no failure: what takes too long is stopped by pytest's own limit.
hypothesis.settings.register_profile(
    "any_machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any_machine")

SMALL_MALL = 300
"""Members of the sandbox mall that tests share: every table and every stage has content, a run takes seconds."""

LONG_FILES = (
    "proofs/test_sync_kills.py",
    "proofs/test_daemon_kills.py",
    "ontology/test_ontology_health.py",
    "stores/test_graph_neo4j.py",
    "test_chain.py",
    "stores/test_graph_isolation.py",
    "lifecycle/test_lifecycle_whole.py",
    "proofs/test_kills.py",
    "proofs/test_week.py",
    "serving/test_api_fuzzed.py",
    "discovery/test_discovery_detectors.py",
    "stores/test_graph_embedded.py",
    "ontology/test_ontology_on_both_stores.py",
    "stores/test_vectors_isolation.py",
    "ontology/test_ontology_named_queries.py",
    "ontology/test_ontology_build.py",
)
"""Files that take longest, first: two workers then end at about the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, the others in their order (`--no-loadscope-reorder` keeps it)."""
    here = Path(__file__).parent
    rank = {here / name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer's machine reaches a test; each test has a home of its own."""
    for name in os.environ:
        if name.startswith(_OURS) and name not in _FOR_TESTS:
            monkeypatch.delenv(name)
    monkeypatch.setenv("CAFE24_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")


@pytest.fixture(autouse=True)
def no_instance_of_another_test() -> None:
    """Dagster keeps the storage of instances that were closed out of order, and loading definitions then fails."""
    if base := sys.modules.get("dagster._core.storage.defs_state.base"):
        base._current_storage.set(None)


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
def small_mall(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home on which the whole chain ran for a small sandbox mall. Read only.

    The chain runs once for all workers of a test run; each has a copy.
    """
    from filelock import FileLock

    own = tmp_path_factory.mktemp("small-mall") / "home"
    made = own
    if os.environ.get("PYTEST_XDIST_WORKER"):
        made = tmp_path_factory.getbasetemp().parent / "small-mall" / "home"
    made.parent.mkdir(exist_ok=True)
    with FileLock(made.parent / "lock"):
        if not (made.parent / "done").exists():
            _run_small_mall(made)
            (made.parent / "done").touch()
    if made != own:
        shutil.copytree(made, own)
    return _small_mall_settings(own)


def _small_mall_settings(home: Path) -> Settings:
    return Settings.from_env({"CAFE24_SANDBOX_CUSTOMERS": str(SMALL_MALL)}, home=home)


def _run_small_mall(home: Path) -> None:
    from cafe24_pipelines.instance import run_chain

    settings, mall = _small_mall_settings(home), Mall("sandbox")
    register(settings.home, mall)
    before = dict(os.environ)
    os.environ["CAFE24_SANDBOX_CUSTOMERS"] = str(SMALL_MALL)
    try:
        run_chain(settings, mall, lambda line: None)
    finally:
        os.environ.clear()
        os.environ.update(before)
