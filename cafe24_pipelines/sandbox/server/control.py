"""The `/_sandbox` routes: what no real mall has, so that tests and people can steer this one.

Clock, faults, settings, counters, tokens, webhooks, and changes of the mall itself. They ask for no credentials; the
server listens on this machine alone. Does not belong here: anything the API itself answers.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cafe24_pipelines.sandbox.server.clock import KST
from cafe24_pipelines.sandbox.server.config import FAULT_FIELDS, config_of
from cafe24_pipelines.sandbox.server.errors import json_response
from cafe24_pipelines.sandbox.server.state import MallState, Server
from cafe24_pipelines.sandbox.server.webhooks import Sender

Handler = Callable[[Request, dict[str, Any]], Awaitable[Any]]


class Control:
    """The control routes of a server."""

    def __init__(self, server: Server, sender: Sender) -> None:
        self._server, self._sender = server, sender

    def routes(self, prefix: str = "") -> list[Route]:
        """Every control route but the consent page."""
        table: dict[str, tuple[Handler, list[str]]] = {
            "state": (self._state, ["GET", "DELETE"]),
            "clock": (self._clock, ["GET", "PUT"]),
            "config": (self._config, ["GET", "PUT"]),
            "faults": (self._faults, ["GET", "PUT"]),
            "grant": (self._grant, ["POST"]),
            "tokens": (self._tokens, ["POST"]),
            "webhooks": (self._webhooks, ["GET", "PUT", "POST"]),
            "mall": (self._mall, ["POST"]),
        }
        return [Route(f"{prefix}/_sandbox/{name}", _json(act), methods=how) for name, (act, how) in table.items()]

    async def _state(self, request: Request, body: dict[str, Any]) -> Any:
        """The counters; DELETE starts them anew."""
        if request.method == "DELETE":
            self._server.forget_counts()
        return self._server.report()

    async def _clock(self, request: Request, body: dict[str, Any]) -> Any:
        """`set` (a time, KST without an offset), `advance` (seconds), `speed`."""
        clock = self._server.clock
        if "set" in body:
            at = datetime.fromisoformat(body["set"])
            clock.set(at if at.tzinfo else at.replace(tzinfo=KST))
        if "advance" in body:
            clock.advance(float(body["advance"]))
        if "speed" in body:
            clock.run_at(float(body["speed"]))
        return {"now": clock.kst().isoformat(), "epoch": clock.now(), "speed": clock.speed}

    async def _config(self, request: Request, body: dict[str, Any]) -> Any:
        """Every setting; PUT changes those that it names."""
        self._server.change(config_of(body, self._server.config))
        return self._server.config

    async def _faults(self, request: Request, body: dict[str, Any]) -> Any:
        """Only the settings of faults; PUT sets those named and turns the others off when `clear` is true."""
        clear = body.pop("clear", False)
        unknown = sorted(set(body) - set(FAULT_FIELDS))
        if unknown:
            raise ValueError(f"no such fault: {', '.join(unknown)}")
        if clear:
            defaults = msgspec.to_builtins(config_of({}))
            body = {**{name: defaults[name] for name in FAULT_FIELDS}, **body}
        self._server.change(config_of(body, self._server.config))
        values = msgspec.to_builtins(self._server.config)
        return {name: values[name] for name in FAULT_FIELDS}

    async def _grant(self, request: Request, body: dict[str, Any]) -> Any:
        """A token set without a browser, as if the operator had consented. Counts no token call."""
        scopes = tuple(body.get("scopes") or self._server.config.scopes)
        return self._server.tokens.issue(self._server.config, self._state_of(request).mall_id, scopes)

    async def _tokens(self, request: Request, body: dict[str, Any]) -> Any:
        """`do`: expire_access, expire_all, forget_all (the app is deleted), forget_calls."""
        tokens = self._server.tokens
        actions: dict[str, Callable[[], None]] = {
            "expire_access": tokens.expire_all,
            "expire_all": lambda: tokens.expire_all(refresh=True),
            "forget_all": tokens.forget_all,
            "forget_calls": tokens.forget_calls,
        }
        if body.get("do") not in actions:
            raise ValueError(f"do must be one of {', '.join(actions)}")
        actions[body["do"]]()
        return tokens.live()

    async def _webhooks(self, request: Request, body: dict[str, Any]) -> Any:
        """GET the log; PUT `targets`, `events`; POST `deliver` what is due, `resend` a log_id, `test` an event."""
        server, sent = self._server, 0
        if request.method == "PUT":
            names = {"targets": "webhook_targets", "events": "webhook_events", "key": "webhook_key"}
            server.change(config_of({names[k]: v for k, v in body.items()}, server.config))
        if body.get("deliver") is True:
            sent = await self._sender.deliver(whole=True)
        if "resend" in body:
            sent = int(await self._sender.resend(body["resend"]))
        if "test" in body:
            sent = await self._sender.test(int(body["test"]["event_no"]), body["test"].get("resource", {}))
        logs = list(self._state_of(request).logs) if request.method == "GET" else []
        return {"targets": server.config.webhook_targets, "sent": sent, "logs": logs}

    async def _mall(self, request: Request, body: dict[str, Any]) -> Any:
        """Change the mall from now on: `do` is override (resource, key, row or null), add (resource, row), reset."""
        mall, at = self._state_of(request).mall, self._server.clock.kst()
        if body.get("do") == "override":
            args = (body["resource"], str(body["key"]), body["row"], at)
            await to_thread.run_sync(lambda: mall.put_override(*args))
        elif body.get("do") == "add":
            await to_thread.run_sync(lambda: mall.add_row(body["resource"], body["row"], at))
        elif body.get("do") == "reset":
            await to_thread.run_sync(mall.reset)
        else:
            raise ValueError("do must be one of override, add, reset")
        return {"at": at.isoformat()}

    def _state_of(self, request: Request) -> MallState:
        return self._server.malls.get(request.path_params.get("mall_id", ""), self._server.first)


def _json(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """`handler` with a JSON body in and out; what it can't take is 400."""

    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            body = msgspec.json.decode(raw, type=dict[str, Any]) if raw else {}
            return json_response(await handler(request, body))
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as e:
            return json_response({"error": f"{type(e).__name__}: {e}"}, 400)

    return endpoint
