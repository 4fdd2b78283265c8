"""`cafe24 inbox`: put an event for a workflow, and see what was set aside. Options in, a room called, text out."""

import json
from typing import Any

import click

from cafe24_pipelines import show
from cafe24_pipelines.commands.common import common, show_result
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.settings import Settings


@click.group()
def inbox() -> None:
    """The inbox that workflows read: put an event, or list what could not be read."""


@inbox.command("post")
@click.argument("event_type")
@click.argument("payload", default="{}")
@click.option("--key", required=True, help="Your own name for this event; a repetition of it counts once.")
@common
def post_event(
    *, event_type: str, payload: str, key: str, settings: Settings, mall_id: str, as_json: bool, lang: str
) -> None:
    """Put an event, such as generate.requested '{"question": "주문 목록 코드"}'."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.inbox.post import request

    mall(settings.home, mall_id)
    receipt = request(settings, parts.event_log(settings), mall_id, event_type, _read(payload), key=key)
    told = {"event_id": receipt.event_id, "recorded": receipt.new}
    show_result(told, as_json, show.rows([told], lang))


@inbox.command("aside")
@common
def aside(settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Events that a workflow could not read, with the reason."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.inbox.read import set_aside

    found = set_aside(parts.event_log(settings), mall_id)
    show_result(found, as_json, show.rows(found, lang))


def _read(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError) as e:  # the latter: brackets nested without end
        raise BadInput("the payload is not JSON", remedy='write it as \'{"question": "…"}\'') from e
    if not isinstance(payload, dict):
        raise BadInput("the payload is not a JSON object", remedy='write it as \'{"question": "…"}\'')
    return payload
