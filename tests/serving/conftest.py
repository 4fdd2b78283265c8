"""A served app on loopback, with a home of its own and two registered malls."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.serving.app import create_app, server_options
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

KEY = "the-key-of-the-developer-centre"


@contextmanager
def _served(app: Starlette) -> Iterator[str]:
    """The app behind a real socket; its base address."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, **(server_options("127.0.0.1", port) | {"log_config": None})))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def served() -> Callable[[Starlette], AbstractContextManager[str]]:
    """Puts an app behind a real socket for the length of a `with`."""
    return _served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings.from_env({"CAFE24_WEBHOOK_KEY": KEY}, home=tmp_path / "home")
    register(found.home, Mall("good-shop", source="api"))
    register(found.home, Mall("other-shop", source="api"))
    return found


@pytest.fixture
def log(settings: Settings) -> EventLog:
    return EventLog(settings.home.events)


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    with _served(create_app(settings)) as url:
        yield url


@pytest.fixture
def post(address: str) -> Iterator[Callable[..., httpx.Response]]:
    with httpx.Client(timeout=30) as client:

        def send(body: object, *, key: str | None = KEY, **more: object) -> httpx.Response:
            headers = {"X-API-Key": key} if key is not None else {}
            content = {"content": body} if isinstance(body, bytes) else {"json": body}
            if isinstance(body, bytes):
                headers["Content-Type"] = "application/json"
            return client.post(f"{address}/webhooks/cafe24", headers=headers | dict(more), **content)  # type: ignore[arg-type]

        yield send
