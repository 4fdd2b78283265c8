"""`cafe24 keys`: the API keys of a mall: made, listed, revoked. A key is shown once, when it is made."""

from typing import Any

import click

from cafe24_pipelines import show
from cafe24_pipelines.commands.common import common, show_result
from cafe24_pipelines.settings import Settings

_CURL = """curl -H 'X-API-Key: {token}' -H 'Content-Type: application/json' \\
  -d '{{"question": "지난달 매출은?"}}' http://127.0.0.1:8000/cafe24-crm/ontology-plus"""
_METRICS = "curl -H 'Authorization: Bearer {token}' http://127.0.0.1:8000/metrics"


@click.group()
def keys() -> None:
    """API keys: each opens one mall's API, or with --metrics the server's /metrics."""


@keys.command("add")
@click.option("--name", default="", help="A name for people, such as the client that will use it.")
@click.option("--metrics", is_flag=True, help="A key that opens /metrics, and no mall.")
@common
def add(*, name: str, metrics: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Make a key and show it, once: only its hash is kept."""
    from cafe24_pipelines.cafe24.malls import mall

    opens = _metrics() if metrics else mall(settings.home, mall_id).mall_id
    key, token = _ring(settings).add(opens, name=name)
    curl = (_METRICS if metrics else _CURL).format(token=token)
    if lang == "en":
        told = f"key {key.key_id}, shown this once:\n\n  {token}\n\ntry it (cafe24 serve):\n\n{curl}"
    else:
        told = f"키 {key.key_id}: 지금 한 번만 보여 드립니다.\n\n  {token}\n\n써 보기 (cafe24 serve):\n\n{curl}"
    show_result({**key.to_json(), "key": token, "curl": curl}, as_json, told)


@keys.command("list")
@click.option("--metrics", is_flag=True, help="Those that open /metrics.")
@common
def list_keys(*, metrics: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Every key that was made, those revoked too; never the key itself."""
    found: list[dict[str, Any]] = [key.to_json() for key in _ring(settings).keys(_metrics() if metrics else mall_id)]
    show_result(found, as_json, show.rows(found, lang))


@keys.command("revoke")
@click.argument("key_id")
@click.option("--metrics", is_flag=True, help="One that opens /metrics.")
@common
def revoke(*, key_id: str, metrics: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """End a key; a running server knows within a second."""
    new = _ring(settings).revoke(_metrics() if metrics else mall_id, key_id)
    ko, en = ("키를 폐기했습니다", "the key is revoked") if new else ("이미 폐기된 키입니다", "it was revoked before")
    show_result({"key_id": key_id, "revoked": True, "new": new}, as_json, en if lang == "en" else ko)


def _ring(settings: Settings) -> Any:
    from cafe24_pipelines import parts
    from cafe24_pipelines.serving.keys import KeyRing

    return KeyRing(parts.event_log(settings))


def _metrics() -> str:
    from cafe24_pipelines.serving.keys import INSTALLATION

    return INSTALLATION
