"""A sandbox mall behind real HTTP that a test may write to, and a client with tokens for it."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.cafe24.admin_api.client import AdminClient, admin_client
from cafe24_pipelines.cafe24.admin_api.clock import FastClock
from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
from cafe24_pipelines.cafe24.privacy import Pseudonyms, pseudonyms
from cafe24_pipelines.cafe24.write_back.plan import Member
from cafe24_pipelines.sandbox.mall.mall import SandboxMall
from cafe24_pipelines.sandbox.server import RunningSandbox
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

SPEED = 50.0
"""The client's and the mall's seconds in a real one: pacing costs little, tokens live long enough."""


@dataclass
class Shop:
    """The mall, its server, our installation, and shortcuts."""

    mall: SandboxMall
    server: RunningSandbox
    settings: Settings
    clock: FastClock
    hasher: Pseudonyms
    log: EventLog

    def client(self, scopes: list[str] | None = None, mall_id: str = "sandbox", **more: Any) -> AdminClient:
        granted = self.server.control.grant(scopes)
        token_keeper(self.settings, mall_id, clock=self.clock).install(token_set(granted, self.clock.now()))
        return admin_client(self.settings, mall_id, clock=self.clock, **more)

    def rows(self, resource: str, **where: Any) -> list[dict[str, Any]]:
        return self.mall.rows(resource, self.server.control.now(), where=where)

    def members(self, n: int) -> list[Member]:
        rows = sorted(self.rows("customers_privacy"), key=lambda r: r["member_id"])[:n]
        return [Member(str(self.hasher.of(r["member_id"])), r["member_id"]) for r in rows]

    def holders(self, coupon_no: str, members: list[Member]) -> list[int]:
        """How many issues of the coupon each member has."""
        ids = [row["member_id"] for row in self.rows("coupon_issues", coupon_no=coupon_no)]
        return [ids.count(m.member_id) for m in members]

    def new_coupon(self) -> str:
        """A coupon that nobody holds."""
        row = {**self.rows("coupons")[0], "coupon_no": "6072120804600000777", "issued_count": "0"}
        self.server.control.add_row("coupons", row)
        return str(row["coupon_no"])

    def everything_on_disk(self) -> bytes:
        return b"".join(p.read_bytes() for p in self.settings.home.root.rglob("*") if p.is_file())


@pytest.fixture(scope="session")
def built_mall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("write-back") / "mall.sqlite"
    SandboxMall.build(path, customers=300)
    return path


@pytest.fixture
def shop(built_mall: Path, tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "mall.sqlite"
    shutil.copy(built_mall, path)
    mall = SandboxMall.open(path)
    with RunningSandbox(mall, speed=SPEED, limits=False) as server:
        settings = Settings.from_env(
            {
                "CAFE24_API_URL": server.url + "/{mall_id}", "CAFE24_CLIENT_ID": server.config.client_id,
                "CAFE24_CLIENT_SECRET": server.config.client_secret, "CAFE24_ENCRYPTION_KEY": "k" * 40,
            },
            home=tmp_path / "home",
        )  # fmt: skip
        clock = FastClock(SPEED, time.time())
        yield Shop(mall, server, settings, clock, pseudonyms(settings, "sandbox"), EventLog(settings.home.events))


@pytest.fixture
def client(shop: Shop) -> Iterator[AdminClient]:
    made = shop.client()
    yield made
    made.close()


@pytest.fixture
def no_wait() -> Callable[[float], None]:
    return lambda seconds: None
