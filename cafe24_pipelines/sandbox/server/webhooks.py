"""Sends the mall's webhooks as its clock advances, and keeps their log.

A lost webhook leaves no trace, not even in the log: that is the loss a client must survive. Does not belong here:
which events happen (`sandbox/mall`).
"""

import asyncio
import contextlib
import logging
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import msgspec
from anyio import to_thread

from cafe24_pipelines.sandbox.server.state import MallState, Server

_log = logging.getLogger(__name__)
_UNWRAPPED: Final = (90080, 90143, 90144, 90145, 90146, 90147)
"""Events whose documented samples have no `resource` around their fields."""
_STEP: Final = timedelta(days=1)
_TICK_S: Final = 0.1
_TIMEOUT_S: Final = 5.0


class Sender:
    """Delivers what is due, in order unless the dice say otherwise."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = asyncio.Lock()
        self._until = {name: server.clock.kst() for name in server.malls}
        self._held: list[tuple[MallState, int, dict[str, Any]]] = []
        self._number = 0
        self._http: httpx.AsyncClient | None = None

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                await self.deliver()
            except Exception:
                _log.exception("webhooks could not be delivered")
                self._server.stats.internal_errors += 1
            await asyncio.sleep(_TICK_S)

    async def deliver(self, *, whole: bool = False) -> int:
        """Send everything that is due now; with `whole` also what was held back. Gives the number of calls made."""
        async with self._lock:
            now, sent = self._server.clock.kst(), 0
            for state in self._server.malls.values():
                sent += await self._mall(state, now)
            while whole and self._held:
                sent += await self._post(*self._held.pop(0), kind="G")
            return sent

    async def resend(self, log_id: str) -> bool:
        """Send one logged webhook again, as the developer centre's button does."""
        for state in self._server.malls.values():
            for log in state.logs:
                if log["log_id"] == log_id:
                    target, event_no = log["request_endpoint"], log["event_no"]
                    await self._call(state, target, event_no, log["request_body"].encode(), kind="R")
                    return True
        return False

    async def test(self, event_no: int, fields: dict[str, Any]) -> int:
        """Send a made-up event to every target."""
        return await self._post(self._server.first, event_no, fields, kind="T")

    async def close(self) -> None:
        """Close the connections to the targets."""
        if self._http is not None:
            await self._http.aclose()

    async def _mall(self, state: MallState, now: datetime) -> int:
        """Send what fell due at one mall, a day at a time so that a jump of the clock needs little memory."""
        sent = 0
        while (after := self._until[state.mall_id]) < now:
            until = min(now, after + _STEP)
            self._until[state.mall_id] = until
            if not self._server.config.webhook_targets or state.reception != "T":
                self._until[state.mall_id] = now
                break
            events = await to_thread.run_sync(_events, state, after, until)
            for _, event_no, fields in events:
                sent += await self._dispatch(state, event_no, fields)
        self._until[state.mall_id] = now  # also where the clock was set back
        return sent

    async def _dispatch(self, state: MallState, event_no: int, fields: dict[str, Any]) -> int:
        """Send one event, or lose it, or hold it back until after the next one, or send it twice."""
        config, dice = self._server.config, self._server.dice
        if config.webhook_events and event_no not in config.webhook_events:
            return 0
        if dice.chance("lost_webhook", config.lose_rate):
            return 0
        if not self._held and dice.chance("reordered_webhook", config.reorder_rate):
            self._held.append((state, event_no, fields))
            return 0
        sent = await self._post(state, event_no, fields, kind="G")
        if dice.chance("duplicate_webhook", config.duplicate_rate):
            sent += await self._post(state, event_no, fields, kind="G")
        while self._held:
            sent += await self._post(*self._held.pop(0), kind="G")
        return sent

    async def _post(self, state: MallState, event_no: int, fields: dict[str, Any], *, kind: str) -> int:
        resource = {"event_shop_no": "1", **fields, "mall_id": state.mall_id}
        payload = {"event_no": event_no, **(resource if event_no in _UNWRAPPED else {"resource": resource})}
        body = msgspec.json.encode(payload)
        for target in self._server.config.webhook_targets:
            await self._call(state, target, event_no, body, kind=kind)
        return len(self._server.config.webhook_targets)

    async def _call(self, state: MallState, target: str, event_no: int, body: bytes, *, kind: str) -> None:
        """One POST and its line in the log."""
        headers = {"X-API-Key": self._server.config.webhook_key, "Content-Type": "application/json"}
        status, answer = None, ""
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False)
        with contextlib.suppress(httpx.HTTPError):
            response = await self._http.post(target, content=body, headers=headers)
            status, answer = response.status_code, response.text[:1000]
        self._number += 1
        state.logs.append(
            {
                "log_id": f"{self._number:012d}",
                "log_type": kind,
                "event_no": event_no,
                "mall_id": state.mall_id,
                "trace_id": secrets.token_hex(16),
                "requested_time": self._server.clock.kst().isoformat(timespec="seconds"),
                "request_endpoint": target,
                "request_body": body.decode(),
                "success": "T" if status is not None and 200 <= status < 300 else "F",
                "response_http_code": None if status is None else str(status),
                "response_body": answer,
            }
        )


def _events(state: MallState, after: datetime, until: datetime) -> list[tuple[datetime, int, dict[str, Any]]]:
    return list(state.mall.events_between(after, until))
