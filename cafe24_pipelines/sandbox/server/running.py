"""A sandbox server that runs beside its user: in a thread or a process of its own, on a free port.

For tests, proofs and benchmarks. Start and stop are bounded; a process that loses its parent ends by itself. Does not
belong here: the server for people (`demo.py`).
"""

import logging
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import msgspec
import uvicorn

from cafe24_pipelines.sandbox.server.app import create_app
from cafe24_pipelines.sandbox.server.clock import MallClock
from cafe24_pipelines.sandbox.server.config import ServerConfig, config_of

if TYPE_CHECKING:
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall

_START_S: Final = 30.0
_STOP_S: Final = 10.0


class SandboxFailed(Exception):
    """A sandbox server did not start in time, or refused an order."""


def server_config(app: Any, *, port: int = 0) -> uvicorn.Config:
    """How uvicorn runs a sandbox: quiet, and leaving the Date header to the mall's clock."""
    logging.getLogger("uvicorn.error").addFilter(_not_cut)
    return uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, access_log=False, date_header=False, server_header=False,
        lifespan="on", timeout_graceful_shutdown=1, timeout_keep_alive=30,
    )  # fmt: skip


def _not_cut(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's log is about something else than an answer that was cut on purpose."""
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, RuntimeError) and "shorter than Content-Length" in str(error))


class SandboxControl:
    """Steers a running sandbox over its `/_sandbox` routes."""

    def __init__(self, url: str) -> None:
        # Plain HTTP: an empty context saves reading the machine's certificates.
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False, verify=SSLContext(PROTOCOL_TLS_CLIENT))

    def state(self) -> dict[str, Any]:
        """The counters (see `state.Stats`) and `now`, `total_calls`, `given_429`, `busiest_second`, `tokens`."""
        return self._do("GET", "state")

    def reset(self) -> None:
        """Start the counters anew, with empty buckets."""
        self._do("DELETE", "state")

    def now(self) -> datetime:
        """The mall's time, KST."""
        return datetime.fromisoformat(self._do("GET", "clock")["now"])

    def set_clock(self, at: datetime) -> None:
        """Jump to an aware time."""
        self._do("PUT", "clock", {"set": at.isoformat()})

    def advance(self, seconds: float) -> None:
        """Let the mall's time jump forward."""
        self._do("PUT", "clock", {"advance": seconds})

    def speed(self, speed: float) -> None:
        """Mall seconds in a real second from now on; 0 stops the clock."""
        self._do("PUT", "clock", {"speed": speed})

    def config(self, **changes: Any) -> dict[str, Any]:
        """Change settings of `ServerConfig`; gives them all."""
        return self._do("PUT", "config", changes)

    def faults(self, **faults: Any) -> dict[str, Any]:
        """Exactly these faults from now on; those not named are off."""
        return self._do("PUT", "faults", {**faults, "clear": True})

    def grant(self, scopes: Sequence[str] | None = None, *, mall_id: str = "") -> dict[str, Any]:
        """A token set as the token endpoint would answer it, without a consent or a counted token call."""
        return self._do("POST", "grant", {"scopes": scopes}, mall_id=mall_id)

    def tokens(self, do: str) -> dict[str, int]:
        """`expire_access`, `expire_all`, `forget_all` or `forget_calls`; gives how many tokens are live."""
        return self._do("POST", "tokens", {"do": do})

    def webhooks(self, *targets: str, events: Sequence[int] = ()) -> None:
        """Where webhooks go from now on, and which (none: all)."""
        self._do("PUT", "webhooks", {"targets": targets, "events": events})

    def deliver(self) -> int:
        """Send every webhook that is due; gives the number of calls that this made."""
        return self._do("POST", "webhooks", {"deliver": True})["sent"]

    def webhook_logs(self, *, mall_id: str = "") -> list[dict[str, Any]]:
        """The whole log of webhooks."""
        return self._do("GET", "webhooks", mall_id=mall_id)["logs"]

    def override(self, resource: str, key: str, row: Mapping[str, Any] | None, *, mall_id: str = "") -> None:
        """Change or (None) delete a row of the mall from now on."""
        self._do("POST", "mall", {"do": "override", "resource": resource, "key": key, "row": row}, mall_id=mall_id)

    def add_row(self, resource: str, row: Mapping[str, Any], *, mall_id: str = "") -> None:
        """Add a row to the mall from now on."""
        self._do("POST", "mall", {"do": "add", "resource": resource, "row": row}, mall_id=mall_id)

    def reset_mall(self, *, mall_id: str = "") -> None:
        """Take back every change of the mall, also those of clients."""
        self._do("POST", "mall", {"do": "reset"}, mall_id=mall_id)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _do(self, method: str, name: str, body: Mapping[str, Any] | None = None, *, mall_id: str = "") -> Any:
        path = f"/{mall_id}/_sandbox/{name}" if mall_id else f"/_sandbox/{name}"
        content = None if body is None else msgspec.json.encode(body)
        answer = self._http.request(method, path, content=content)
        if answer.status_code != 200:
            raise SandboxFailed(answer.text)
        return msgspec.json.decode(answer.content)


class RunningSandbox:
    """Runs a sandbox while its block does.

    Args:
        mall: an open mall, several, or the path of a built one.
        start: the mall's time at the start; default the end of its history.
        speed: mall seconds in a real second.
        process: run it in a process of its own (the mall must then be on disk and finished).
        port: 0 picks a free one.
        config: settings of `ServerConfig`.
    """

    url: str
    control: SandboxControl

    def __init__(
        self,
        mall: "SandboxMall | Sequence[SandboxMall] | str | Path",
        *,
        start: datetime | None = None,
        speed: float = 1.0,
        process: bool = False,
        port: int = 0,
        **config: Any,
    ) -> None:
        from cafe24_pipelines.sandbox.mall.mall import END

        self._mall, self._start, self._speed, self._port = mall, start or END, speed, port
        self.config: ServerConfig = config_of(config)
        self._runner: _Thread | _Process = _Process() if process else _Thread()

    def __enter__(self) -> Self:
        port = self._runner.start(self._mall, self._start, self._speed, self._port, self.config)
        self.url = f"http://127.0.0.1:{port}"
        self.control = SandboxControl(self.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.control.close()
        self._runner.stop()


class _Thread:
    """uvicorn in a daemon thread."""

    def start(self, mall: Any, start: datetime, speed: float, port: int, config: ServerConfig) -> int:
        from cafe24_pipelines.sandbox.mall.mall import SandboxMall

        opened = SandboxMall.open(Path(mall)) if isinstance(mall, (str, Path)) else mall
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        app = create_app(opened, config, MallClock(start, speed=speed))
        self._server = uvicorn.Server(server_config(app))
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="sandbox", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise SandboxFailed("the sandbox's thread did not start")
            time.sleep(0.01)
        return int(listener.getsockname()[1])

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(_STOP_S)


class _Process:
    """`python -m cafe24_pipelines.sandbox.server` with a pipe that ends it."""

    def start(self, mall: Any, start: datetime, speed: float, port: int, config: ServerConfig) -> int:
        malls = mall if isinstance(mall, Sequence) and not isinstance(mall, str) else [mall]
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        ready, errors = Path(self._folder.name) / "port", Path(self._folder.name) / "stderr"
        command = [sys.executable, "-m", "cafe24_pipelines.sandbox.server", "--port", str(port), "--ready-file",
                   str(ready), "--start", start.isoformat(), "--speed", str(speed), "--while-stdin-is-open",
                   "--config", msgspec.json.encode(config).decode()]  # fmt: skip
        for one in malls:
            command += ["--mall-file", str(getattr(one, "path", one))]
        with errors.open("wb") as stderr:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stderr, stderr=stderr)  # noqa: S603
        deadline = time.monotonic() + _START_S
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = errors.read_text(errors="replace")[-2000:]
                self.stop()
                raise SandboxFailed(f"the sandbox's process did not start: {text}")
            time.sleep(0.02)
        return int(ready.read_text())

    def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_S)
        self._folder.cleanup()
