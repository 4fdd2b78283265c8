"""Commands that serve until they are interrupted, on loopback: the sandbox mall and the web app."""

from datetime import datetime
from functools import partial
from typing import Any

import click

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.settings import Settings


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8024, show_default=True)
@click.option("--customers", type=click.IntRange(1, 400_000), help="Members; orders come to about 3.2 a member.")
@click.option("--orders", type=click.IntRange(200, 1_000_000), help="About that many orders, instead of --customers.")
@click.option("--seed", type=click.IntRange(0), help="Of the mall's content (default: CAFE24_SANDBOX_SEED).")
@click.option("--start", help="The mall's time at the start, as in 2026-10-01T09:00 (Asia/Seoul; default: its end).")
@click.option(
    "--speed", type=click.FloatRange(0, 86_400), default=1.0, show_default=True, help="Mall seconds in a real second."
)
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of ServerConfig as JSON, such as error_rate=0.2; repeatable (docs/sandbox.md).",
)
@click.option("--home", help="Folder of the installation (default: CAFE24_HOME or ./.cafe24).")
def sandbox(
    *,
    port: int,
    customers: int | None,
    orders: int | None,
    seed: int | None,
    start: str | None,
    speed: float,
    options: tuple[str, ...],
    home: str | None,
) -> None:
    """Serve a sandbox mall that speaks the Cafe24 Admin API, and print how to connect to it; Ctrl-C ends it."""
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall
    from cafe24_pipelines.sandbox.server.demo import serve as serve_mall

    settings = Settings.from_env(home=home)
    if customers and orders:
        raise BadInput("--customers and --orders say the same", remedy="give one of them")
    size = SandboxMall.customers_for(orders) if orders else customers or settings.sandbox_customers
    serve_mall(
        settings,
        port=port,
        customers=size,
        seed=settings.sandbox_seed if seed is None else seed,
        start=_moment(start),
        speed=speed,
        say=click.echo,
        **_options(options),
    )


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; anything but loopback needs a reverse proxy with a certificate.",
)
@click.option("--allow-host", "hosts", multiple=True, help="A name this app is reached by; repeatable.")
@click.option("--allow-origin", "origins", multiple=True, help="A web origin whose pages may ask (CORS); repeatable.")
@click.option("--no-keys", "without_keys", is_flag=True, help="On loopback: this machine needs no API key.")
@click.option("--per-key", default="120/minute", show_default=True, help="Requests that one API key may make.")
@click.option("--per-address", default="600/minute", show_default=True, help="Requests of an address without a key.")
@click.option("--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="Questions at a time.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=90.0, show_default=True, help="For one question.")
@click.option("--home", help="Folder of the installation (default: CAFE24_HOME or ./.cafe24).")
def serve(
    *, port: int, host: str, hosts: tuple[str, ...], origins: tuple[str, ...], without_keys: bool, per_key: str,
    per_address: str, workers: int, seconds: float, home: str | None,
) -> None:  # fmt: skip
    """Serve the API (/cafe24-crm/*, /docs), webhooks, consent, /health and /metrics; Ctrl-C ends it."""
    from cafe24_pipelines.serving.app import ApiLimits
    from cafe24_pipelines.serving.app import serve as serve_app

    limits = ApiLimits(
        per_key=per_key, per_address=per_address, threads=workers, seconds=seconds, without_keys=without_keys,
        origins=origins,
    )  # fmt: skip
    say = partial(click.echo, err=True)
    serve_app(Settings.from_env(home=home), host=host, port=port, hosts=hosts, limits=limits, say=say)


def _moment(text: str | None) -> datetime | None:
    from zoneinfo import ZoneInfo

    from cafe24_pipelines.names import SEOUL

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise BadInput(f"--start {text!r} is not a time", remedy="write it as 2026-10-01T09:00") from e
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(SEOUL))


def _options(given: tuple[str, ...]) -> dict[str, Any]:
    import msgspec

    options: dict[str, Any] = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator:
            raise BadInput(f"--set {one!r} has no value", remedy="write it as error_rate=0.2")
        try:
            options[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            options[name] = value
    return options
