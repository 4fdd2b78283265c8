"""`serve`: a sandbox mall for people, in the foreground, that says how to connect to it.

Does not belong here: sandboxes of tests (`running.py`), the command line (`cli.py` wires `serve`).
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import uvicorn

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.sandbox.server.app import create_app
from cafe24_pipelines.sandbox.server.clock import MallClock
from cafe24_pipelines.sandbox.server.config import ServerConfig, config_of
from cafe24_pipelines.sandbox.server.running import server_config

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from cafe24_pipelines.settings import Settings

Say = Callable[[str], None]


def serve(
    settings: "Settings",
    *,
    port: int,
    customers: int,
    seed: int,
    start: datetime | None = None,
    speed: float = 1.0,
    say: Say,
    **options: Any,
) -> None:
    """Build the mall if need be and serve it on 127.0.0.1 until interrupted.

    Args:
        settings: where the mall's file goes (`CAFE24_HOME/sandbox`) and its id (`CAFE24_MALL_ID`).
        port: the port to listen on.
        customers: members of the mall; orders come to a little over three each.
        seed: of the mall's content.
        start: the mall's time at the start (aware); None is the end of its history.
        speed: mall seconds in a real second.
        say: called with each line for the user.
        options: further settings of `ServerConfig`, among them the faults.

    Raises:
        ConfigError: a setting is unknown or has the wrong type, or the port is taken.
    """
    import msgspec

    from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall

    try:
        config = config_of(options)
    except msgspec.ValidationError as e:
        raise ConfigError(str(e), where="sandbox", remedy="see ServerConfig for names and types") from e
    path = mall_file(settings, customers, seed)
    if not path.exists():
        say(f"building the mall: {customers} customers, seed {seed} → {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    mall = SandboxMall.build(path, mall_id=settings.mall_id, customers=customers, seed=seed)
    app = create_app(mall, config, MallClock(start or END, speed=speed))
    for line in how_to_connect(app, config, f"http://127.0.0.1:{port}", settings.mall_id):
        say(line)
    try:
        uvicorn.Server(server_config(app, port=port)).run()
    except SystemExit as e:
        raise ConfigError(f"can't listen on port {port}", remedy="choose another one with --port") from e


def mall_file(settings: "Settings", customers: int, seed: int) -> Path:
    """Where `serve` keeps the mall of these arguments."""
    return settings.home.sandbox / f"{settings.mall_id}-{customers}-{seed}.db"


def how_to_connect(app: "Starlette", config: ServerConfig, url: str, mall_id: str) -> list[str]:
    """What a user needs to connect: the app's credentials, addresses, a first refresh token, and how to consent.

    A consent begins with who asks for it (`authorize`, `serve`): only they know the state that comes back.
    """
    tokens = app.state.server.tokens.issue(config, mall_id, config.scopes)
    start = f"{config.redirect_uris[0].removesuffix('callback')}start?{urlencode({'mall_id': mall_id})}"
    now = app.state.server.clock.kst()
    return [
        f"the sandbox mall {mall_id!r} answers at {url}; its time is {now:%Y-%m-%d %H:%M} KST",
        f"export CAFE24_API_URL={url}/{{mall_id}}",
        f"export CAFE24_ANALYTICS_URL={url}/analytics",
        f"export CAFE24_MALL_ID={mall_id}",
        f"export CAFE24_CLIENT_ID={config.client_id}",
        f"export CAFE24_CLIENT_SECRET={config.client_secret}",
        f"export CAFE24_REDIRECT_URI={config.redirect_uris[0]}",
        f"export CAFE24_WEBHOOK_KEY={config.webhook_key}",
        f"export CAFE24_REFRESH_TOKEN={tokens['refresh_token']}",
        "next, in another terminal: paste the lines above, then cafe24 sync --lang en",
        "consent, instead of the refresh token (leave its line out): cafe24 authorize prints an address to open,",
        f"  or start cafe24 serve and open {start}",
        f"counters: {url}/_sandbox/state   (Ctrl-C ends the mall)",
    ]
