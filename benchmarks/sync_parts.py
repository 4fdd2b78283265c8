"""A sandbox server in one process and a sync of it in another, which reports what it did.

For `sync.py`. Run as a module it is that other process: `python -m benchmarks.sync_parts '{…}'` prints JSON.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.peak import peak_megabytes
from cafe24_pipelines.cafe24.admin_api.clock import FastClock
from cafe24_pipelines.cafe24.admin_api.limits import Limiter

ORDERS_A_MEMBER = 3.06
WORKERS = 6


@dataclass
class Figures:
    """What one sync did, and the floor if it was asked for.

    Attributes:
        seconds: real ones that the sync took, `worked` those of processor time in its process.
        peak: MB.
        sequential: real seconds of the floor page by page, `floor_worked` its processor time.
        threaded: real seconds of the floor in as many threads as the sync reads pages with.
        starts: when calls started, by API, on the sped-up clock; `clock_seconds` are that clock's too.
        sizes: of the buckets, by API.
        state: the server's counters.
    """

    seconds: float = 0.0
    clock_seconds: float = 0.0
    orders: int = 0
    calls: int = 0
    peak: float = 0.0
    worked: float = 0.0
    sequential: float = 0.0
    floor_worked: float = 0.0
    threaded: float = 0.0
    starts: dict[str, list[float]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)


class Noting(Limiter):
    """A limiter that notes when each call may start; one that is lifted lets every call go at once."""

    lifted = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.starts: defaultdict[str, list[float]] = defaultdict(list)
        self.sizes: dict[str, int] = {}

    def acquire(self, api: str, size: int = 40) -> None:
        """As of `Limiter`."""
        if not self.lifted:
            super().acquire(api, size)
        self.starts[api].append(self._clock.now())
        self.sizes[api] = size

    def learn(self, api: str, status: int, headers: Any) -> None:
        """As of `Limiter`."""
        if not self.lifted:
            super().learn(api, status, headers)


def built(folder: Path, orders: int) -> Path:
    """The file of a mall with at least so many orders; built once a folder."""
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall

    path = folder / f"mall-{orders}.db"
    if not path.exists():
        SandboxMall.build(path, customers=round(orders / ORDERS_A_MEMBER)).close()
    return path


def synced(
    mall: Path, *, steps: Sequence[Sequence[str]], limited: bool = False, floor: bool = False, speed: float = 1.0,
    latency_ms: float = 0.0,
    since: int = 0,
) -> Figures:  # fmt: skip
    """A first sync of a mall into a fresh home.

    Args:
        mall: its file.
        steps: the resources, of one run after the other.
        limited: whether the API's limits hold, on both sides.
        floor: also time httpx + json.loads over the same pages.
        speed: of both clocks.
        since: days that steps after the first read; 0 for all.
        latency_ms: real milliseconds that each answer waits.
    """
    from cafe24_pipelines.sandbox.mall.mall import END
    from cafe24_pipelines.sandbox.server.running import RunningSandbox

    with (
        tempfile.TemporaryDirectory(prefix="bench-home-") as home,
        RunningSandbox(
            mall, process=True, start=END, speed=speed, token_calls=0, limits=limited, latency_ms=latency_ms
        ) as server,
    ):
        order = {
            "home": home, "url": server.url, "steps": steps, "since": since, "limited": limited,
            "floor": floor, "speed": speed, "token": server.control.grant(None), "origin": time.time(),
        }  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.sync_parts", json.dumps(order)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise SystemExit("the sync did not agree with its mall")
        return Figures(**json.loads(done.stdout), state=server.control.state())


def _sync(order: dict[str, Any]) -> dict[str, Any]:
    """Do what `synced` ordered; the fields of `Figures`."""
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient
    from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine
    from cafe24_pipelines.cafe24.admin_api.oauth import token_set
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
    from cafe24_pipelines.cafe24.privacy import pseudonyms
    from cafe24_pipelines.cafe24.sealing import seal_for
    from cafe24_pipelines.cafe24.sync import MallSync, Tuning
    from cafe24_pipelines.cafe24.sync.windows import whole_second
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.records import ApiLake
    from cafe24_pipelines.stores.shared_state import shared_state

    settings, mall_id = Settings.from_env(_env(order["url"]), home=order["home"]), "sandbox"
    clock = FastClock(order["speed"], order["origin"])
    keeper = token_keeper(settings, mall_id, clock=clock)
    keeper.install(token_set(order["token"], clock.now()))
    limiter = Noting(shared_state(settings), mall_id, clock)
    limiter.lifted = not order["limited"]
    client = AdminClient(settings, mall_id, keeper, limiter, clock)
    asked: list[str] = []
    client._http.event_hooks["request"].append(lambda request: asked.append(str(request.url)))
    lake = ApiLake(settings.home.lake / mall_id / "api", mall_id)
    line = PrivacyLine(mall_id, pseudonyms(settings, mall_id), seal_for(settings, mall_id, "unknown-fields"))
    began, worked = time.perf_counter(), time.process_time()
    later = (
        Tuning(start=whole_second(client.server_now()) - timedelta(days=order["since"])) if order["since"] else None
    )
    reports = [
        MallSync(client, lake, line, workers=WORKERS, tuning=later if n else None).run(names)
        for n, names in enumerate(order["steps"])
    ]
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    for report in reports:
        if not report.agreed:
            raise SystemExit("\n".join(" ".join(row) for row in report.rows()))
    found: dict[str, Any] = {
        "seconds": seconds,
        "orders": lake.of("orders").count(),
        "peak": peak_megabytes(),
        "worked": worked,
    }
    if order["limited"]:
        found |= {"starts": limiter.starts, "sizes": limiter.sizes, "clock_seconds": seconds * order["speed"]}
    found["calls"] = sum(len(times) for times in limiter.starts.values())
    if order["floor"]:
        found |= _floor([url for url in asked if "/admin/orders?" in url], keeper.access_token())
    client.close()
    return found


def _floor(urls: list[str], token: str) -> dict[str, float]:
    """Seconds to download and decode the pages, one by one and with as many threads as read them."""
    import httpx

    from cafe24_pipelines.cafe24.sync.heavy import THREADS

    def page(url: str) -> int:
        return len(json.loads(http.get(url).raise_for_status().content)["orders"])

    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as http:
        began, worked = time.perf_counter(), time.process_time()
        rows = sum(map(page, urls))
        sequential, worked = time.perf_counter() - began, time.process_time() - worked
        with ThreadPoolExecutor(THREADS) as pool:
            began = time.perf_counter()
            again = sum(pool.map(page, urls))
            threaded = time.perf_counter() - began
    if not rows == again > 0:
        raise SystemExit("the pages of the floor are not those of the sync")
    return {"sequential": sequential, "threaded": threaded, "floor_worked": worked}


def _env(url: str) -> dict[str, str]:
    return {
        "CAFE24_API_URL": url, "CAFE24_ANALYTICS_URL": f"{url}/analytics", "CAFE24_CLIENT_ID": "sandbox-client",
        "CAFE24_CLIENT_SECRET": "sandbox-secret", "CAFE24_REDIRECT_URI": "http://127.0.0.1:8765/callback",
        "CAFE24_ENCRYPTION_KEY": "for benchmarks, invented",
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_sync(json.loads(sys.argv[1]))))
