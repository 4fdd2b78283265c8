"""A small mall behind a sandbox whose clock stands still until a test moves it, and the sync of it."""

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES
from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall
from cafe24_pipelines.sandbox.server.running import RunningSandbox

HERE = Path(__file__).parent
MEMBERS = 60


def by_path(name: str) -> ModuleType:
    """A helper module of this folder."""
    spec = importlib.util.spec_from_file_location(f"sync_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


truth, worker = by_path("truth"), by_path("worker")

CORE = [
    n for n, r in RESOURCES.items()
    if r.default and not (r.approved or r.analytics or r.turns) and n != "customers"
]  # fmt: skip
"""What a sync with every ordinary scope lands, without statistics."""


class Rig:
    """One mall, its server, a home, and syncs of it."""

    def __init__(self, mall: Any, server: RunningSandbox, home: Path) -> None:
        self.mall, self.server, self.home = mall, server, home
        self.order: dict[str, Any] = {"home": str(home), "url": server.url, "mall": "sandbox", "origin": time.time()}
        self.clock = worker.DrivenClock(self.order["origin"])
        self.grant()
        _, client, self.lake, self.line = self.open()
        client.close()

    def open(self, **more: Any) -> Any:
        """A sync by the rig's clock, and what belongs to it: (MallSync, client, lake, line)."""
        return worker.open_sync({**self.order, "clock": self.clock, **more})

    def grant(self, scopes: list[str] | None = None) -> None:
        """Consent anew, with other scopes if given."""
        self.scopes = scopes
        from cafe24_pipelines.cafe24.admin_api.oauth import token_set

        _, client, _, _ = self.open()
        client.keeper.install(token_set(self.server.control.grant(scopes), self.clock.now()))
        client.close()

    def sync(self, names: list[str] | None = None, *, whole: bool = False, **more: Any) -> Any:
        """One run of a new process's making; its report."""
        sync, client, _, _ = self.open(**more)
        try:
            return sync.run(names, whole=whole)
        finally:
            client.close()

    def forward(self, **delta: float) -> datetime:
        """Let the mall's time pass; the time it is then. Refresh tokens live two weeks, so consent is given anew."""
        self.server.control.advance(timedelta(**delta).total_seconds())
        self.grant(self.scopes)
        return self.now

    @property
    def now(self) -> datetime:
        """The mall's time."""
        return self.server.control.now()

    def wrong(self, names: Any, **more: Any) -> list[str]:
        """How what landed differs from the mall's rows of now."""
        return truth.differences(self.mall, self.lake, self.line, self.now, names, **more)


@pytest.fixture(scope="session")
def sync_mall_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built mall that all tests of the sync share."""
    path = tmp_path_factory.mktemp("sync-mall") / "mall.db"
    SandboxMall.build(path, customers=MEMBERS, seed=11).close()
    return path


@pytest.fixture(scope="session")
def two_shops_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built mall with a second shop."""
    path = tmp_path_factory.mktemp("two-shops") / "mall.db"
    SandboxMall.build(path, customers=MEMBERS, seed=12, shops=2).close()
    return path


class Odd:
    """A mall whose rows of one resource pass through `change` while it is set."""

    def __init__(self, mall: Any, resource: str) -> None:
        self._mall, self._resource = mall, resource
        self.change: Callable[[list[Any], dict[str, Any]], list[Any]] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mall, name)

    def rows(self, resource: str, *args: Any, **more: Any) -> Any:
        rows = self._mall.rows(resource, *args, **more)
        return self.change(rows, more) if self.change and resource == self._resource else rows


def within_limits(server: RunningSandbox) -> None:
    """No call was refused for its pace."""
    state = server.control.state()
    assert state["given_429"] == 0, (state["refused"], state["highest_level"], state["busiest_second"])


@pytest.fixture(scope="session")
def busy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built mall with a day on which it sells more than in months before."""
    path = tmp_path_factory.mktemp("busy-mall") / "mall.db"
    SandboxMall.build(path, customers=MEMBERS, seed=13, busy_day=120).close()
    return path


@pytest.fixture
def core() -> list[str]:
    """Names of `CORE`."""
    return list(CORE)


@pytest.fixture
def rig(sync_mall_path: Path, tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Starts a rig; `wrap` may put something around the mall, further settings go to the server.

    Limits are on, by the client's clock, which waits for nothing else. No call of a test may have gone over one.
    """
    with ExitStack() as stack:

        def start(
            *, at: datetime = END - timedelta(days=60), wrap: Any = None, path: Path = sync_mall_path, **config: Any
        ) -> Rig:
            mall = SandboxMall.open(path, overlay=tmp_path / "writes.db")
            served = wrap(mall) if wrap else mall
            settings = {"driven": True, "token_calls": 0, **config}
            server = stack.enter_context(RunningSandbox(served, start=at, speed=0, **settings))
            stack.callback(within_limits, server)
            return Rig(mall, server, tmp_path / "home")

        yield start


@pytest.fixture
def odd(rig: Callable[..., Rig]) -> Callable[..., tuple[Rig, Odd]]:
    """Starts a rig whose mall is `Odd` for a resource; gives both."""

    def start(resource: str, **more: Any) -> tuple[Rig, Odd]:
        served: list[Odd] = []
        mall = rig(wrap=lambda inner: served.append(Odd(inner, resource)) or served[0], **more)
        return mall, served[0]

    return start


@pytest.fixture
def smaller() -> Callable[..., dict[str, Any]]:
    """The resources with other limits for one of them."""

    def with_limits(name: str, **facts: Any) -> dict[str, Any]:
        return {**RESOURCES, name: replace(RESOURCES[name], **facts)}

    return with_limits
