"""One sync of one mall in a process of its own, to be killed at any instant.

    python tests/sync/worker.py '{"home": …, "url": …, "mall": "sandbox", "whole": false, "report": "…/report.json"}'

Keys: home, url (of a running sandbox), mall; optional whole, resources, workers, keep_contacts, tuning (fields of
`Tuning`; days for spans), speed (of the client's clock), report (where the report goes). The token store of the home
must hold tokens. Calls say when they were made (`SAID`), by the client's clock, for servers that judge them by it.
"""

import json
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any


def open_sync(order: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """(MallSync, client, lake, line) for an order as described above."""
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient
    from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
    from cafe24_pipelines.cafe24.contacts import ContactTable
    from cafe24_pipelines.cafe24.erase import erased_members
    from cafe24_pipelines.cafe24.privacy import pseudonyms
    from cafe24_pipelines.cafe24.sealing import seal_for
    from cafe24_pipelines.cafe24.sync import MallSync, Tuning
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.records import ApiLake
    from cafe24_pipelines.stores.shared_state import shared_state

    settings = settings_of(order, Settings)
    mall_id = order["mall"]
    clock = clock_of(order)
    client = AdminClient(
        settings, mall_id, token_keeper(settings, mall_id, clock=clock),
        stamping_limiter(shared_state(settings), mall_id, clock), clock, read_seconds=order.get("read_seconds", 20),
    )  # fmt: skip
    client._http.event_hooks["request"].append(client.limiter.stamp)
    lake = ApiLake(settings.home.lake / mall_id / "api", mall_id)
    line = PrivacyLine(mall_id, pseudonyms(settings, mall_id), seal_for(settings, mall_id, "unknown-fields"))
    given = order.get("tuning", {})
    spans = ("look_back", "late_look_back", "whole_every", "settled", "reports", "look_up_every", "tell_every")
    tuning = Tuning(**{k: timedelta(days=v) if k in spans else v for k, v in given.items()})
    contacts = ContactTable(settings, mall_id) if order.get("keep_contacts") else None
    sync = MallSync(client, lake, line, workers=order.get("workers", 4), tuning=tuning, contacts=contacts,
                    erased=erased_members(settings, mall_id, writing=True),
                    resources=order.get("api_resources"), progress=order.get("progress"))  # fmt: skip
    return sync, client, lake, line


def stamping_limiter(state: Any, mall_id: str, clock: Any) -> Any:
    """A limiter whose `stamp` (a hook of httpx) writes on each call the start time that it was given, once."""
    from cafe24_pipelines.cafe24.admin_api.limits import Limiter
    from cafe24_pipelines.sandbox.server.driven import SAID

    class StampingLimiter(Limiter):
        given = threading.local()

        def _reserve(self, api: str, size: int) -> tuple[float, float]:
            start, now = super()._reserve(api, size)
            self.given.start = start
            return start, now

        def stamp(self, request: Any) -> None:
            if start := self.given.__dict__.pop("start", None):  # a call that nobody paced carries none
                request.headers[SAID] = repr(start)

    return StampingLimiter(state, mall_id, clock)


class DrivenClock:
    """A clock that moves only while somebody waits: calls take no time, and the limits are all that holds them up."""

    def __init__(self, start: float, speed: float = 100.0) -> None:
        self.speed = speed
        self._now, self._lock = start, threading.Lock()

    def now(self) -> float:
        return self._now

    ticks = now

    def sleep(self, seconds: float) -> None:
        end = self._now + max(0.0, seconds)
        time.sleep(max(0.0, seconds) / self.speed)
        with self._lock:
            self._now = max(self._now, end)


def clock_of(order: dict[str, Any]) -> Any:
    """The client's clock: fast, so that pacing by the API's limits takes no time."""
    from cafe24_pipelines.cafe24.admin_api.clock import FastClock

    if "clock" in order:
        return order["clock"]
    return FastClock(float(order.get("speed", 100)), float(order.get("origin", time.time())))


def settings_of(order: dict[str, Any], settings: Any) -> Any:
    """The settings that an order stands for."""
    env = {
        "CAFE24_API_URL": order["url"], "CAFE24_ANALYTICS_URL": f"{order['url']}/analytics",
        "CAFE24_CLIENT_ID": "sandbox-client", "CAFE24_CLIENT_SECRET": "sandbox-secret",
        "CAFE24_REDIRECT_URI": "http://127.0.0.1:8765/callback", "CAFE24_ENCRYPTION_KEY": "for tests, invented",
    }  # fmt: skip
    return settings.from_env(env, home=order["home"])


def main(argument: str) -> int:
    """Run one sync; 0 when everything agrees."""
    order = json.loads(argument)
    sync, client, _, _ = open_sync(order)
    try:
        report = sync.run(order.get("resources"), whole=bool(order.get("whole")))
    finally:
        client.close()
    if order.get("report"):
        Path(order["report"]).write_text(json.dumps(report.to_json(), ensure_ascii=False))
    return 0 if report.agreed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
