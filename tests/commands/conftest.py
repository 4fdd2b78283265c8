"""A small sandbox mall behind HTTP, a home that may read it, and `cafe24` run in this process against both."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.sandbox.mall.mall import SandboxMall
from cafe24_pipelines.sandbox.server import RunningSandbox
from cafe24_pipelines.settings import Settings


class Shell:
    """A mall's server, the settings of a terminal that reads it, and that terminal."""

    def __init__(self, mall: SandboxMall, server: RunningSandbox, home: Path) -> None:
        self.mall, self.server = mall, server
        self.env: dict[str, str | None] = {
            "CAFE24_HOME": str(home), "CAFE24_API_URL": f"{server.url}/{{mall_id}}",
            "CAFE24_ANALYTICS_URL": f"{server.url}/analytics", "CAFE24_CLIENT_ID": server.config.client_id,
            "CAFE24_CLIENT_SECRET": server.config.client_secret, "CAFE24_MALL_ID": "sandbox",
            "CAFE24_REDIRECT_URI": server.config.redirect_uris[0], "CAFE24_REFRESH_TOKEN": None, "CAFE24_LANG": "en",
        }  # fmt: skip

    @property
    def settings(self) -> Settings:
        return Settings.from_env({k: v for k, v in self.env.items() if v is not None})

    def consent(self, scopes: list[str] | None = None) -> None:
        keeper = token_keeper(self.settings, "sandbox")
        keeper.install(token_set(self.server.control.grant(scopes), time.time()))

    def run(self, *arguments: str) -> Result:
        from cafe24_pipelines.cli import main

        return CliRunner(env=self.env).invoke(main, list(arguments))

    def rows(self, resource: str, **where: Any) -> list[dict[str, Any]]:
        return self.mall.rows(resource, self.server.control.now(), where=where)

    def in_segment(self, number: int, segment: str) -> list[str]:
        """Have the last run put so many members in a segment; their raw ids."""
        import pandas as pd

        from cafe24_pipelines.crm.analysis import Outcome
        from cafe24_pipelines.crm.tables import CrmTables

        ids = sorted(row["member_id"] for row in self.rows("customers_privacy"))[:number]
        keys = [str(pseudonyms(self.settings, "sandbox").of(member)) for member in ids]
        one = {"recency_days": 1, "frequency": 1, "monetary": Decimal("1.0000"), "r": 1, "f": 1, "m": 1}
        frame = pd.DataFrame([{"member_key": key, **one, "segment": segment, "action": ""} for key in keys])
        CrmTables(self.settings.home.analytics).publish("sandbox", "rfm", Outcome(frame, {}))
        return ids


@pytest.fixture(scope="session")
def built_mall(tmp_path_factory: pytest.TempPathFactory) -> SandboxMall:
    return SandboxMall.build(tmp_path_factory.mktemp("commands") / "mall.db", customers=60)


@pytest.fixture
def shell(built_mall: SandboxMall, tmp_path: Path) -> Iterator[Shell]:
    mall = SandboxMall.open(built_mall.path, overlay=tmp_path / "writes.db")
    with RunningSandbox(mall, limits=False) as server:
        yield Shell(mall, server, tmp_path / "home")


Run = Callable[..., Result]
