"""A strict mall on loopback, a keeper and a client for it, and shared state on SQLite and on a real PostgreSQL."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.cafe24.admin_api.client import AdminClient
from cafe24_pipelines.cafe24.admin_api.clock import Clock, FastClock, SystemClock
from cafe24_pipelines.cafe24.admin_api.limits import Limiter
from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.cafe24.admin_api.tokens import TokenKeeper
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import SharedState

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the folder's own helpers; tests are no package

from admin_api_helpers import HurriedClock, a_store  # noqa: E402
from postgres_server import local_postgres  # noqa: E402
from strict_mall import CLIENT_ID, CLIENT_SECRET, Running, StrictMall  # noqa: E402


@pytest.fixture
def running() -> Iterator[Running]:
    with Running() as mall:
        yield mall


@pytest.fixture
def mall(running: Running) -> StrictMall:
    return running.mall


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with local_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    url: str = request.getfixturevalue("postgres_url")
    empty = SharedState(url)
    with empty.transaction() as connection:
        for name in ("tokens", "token_calls", "remembered", "call_pace", "call_buckets"):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
    empty.close()
    return url


@pytest.fixture
def state(state_url: str) -> Iterator[SharedState]:
    opened = SharedState(state_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_state(tmp_path: Path) -> Iterator[SharedState]:
    opened = SharedState(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


@pytest.fixture
def env(running: Running, tmp_path: Path) -> dict[str, str]:
    return {
        "CAFE24_HOME": str(tmp_path / "home"), "CAFE24_API_URL": running.url, "CAFE24_CLIENT_ID": CLIENT_ID,
        "CAFE24_ANALYTICS_URL": f"{running.url}/analytics", "CAFE24_CLIENT_SECRET": CLIENT_SECRET,
        "CAFE24_REDIRECT_URI": "https://app.example.com/back", "CAFE24_ENCRYPTION_KEY": "a long random text",
    }  # fmt: skip


@pytest.fixture
def settings(env: dict[str, str]) -> Settings:
    return Settings.from_env(env)


@pytest.fixture
def keeper(settings: Settings, sqlite_state: SharedState, mall: StrictMall) -> TokenKeeper:
    """A keeper with a fresh pair."""
    clock = SystemClock()
    made = TokenKeeper(settings, "testmall", a_store(settings, sqlite_state), clock)
    made.install(token_set(mall.issue(), clock.now()))
    return made


@pytest.fixture
def client(settings: Settings, keeper: TokenKeeper, sqlite_state: SharedState) -> Iterator[AdminClient]:
    clock: Clock = HurriedClock()
    made = AdminClient(
        settings, "testmall", keeper, Limiter(sqlite_state, "testmall", SystemClock()), clock, read_seconds=0.5
    )
    yield made
    made.close()


@pytest.fixture
def unpaced(client: AdminClient, sqlite_state: SharedState) -> AdminClient:
    """The client with a limiter whose time flies."""
    client.limiter = Limiter(sqlite_state, "testmall", FastClock(10_000.0, time.time()))
    return client


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def workers(env: dict[str, str]) -> Iterator[Start]:
    """Starts processes that wait for `go`; gives the one that answers for all."""
    started: list[subprocess.Popen[str]] = []

    def start(number: int, state: str, do: str, **order: Any) -> "subprocess.Popen[str]":
        text = json.dumps({"number": number, "env": env, "state": state, "do": do, **order})
        process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), text],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
