"""Webhooks that come after a member was erased: what happened is logged, the member is not."""

import json

import pytest

from cafe24_pipelines.cafe24.erase import erase_member, trace_of
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.cafe24.webhook_inbox import WebhookInbox
from cafe24_pipelines.cafe24.webhooks import TYPES, changed_since
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

GONE, STAYS, ORDER = "haneul77", "bomi88", "20261001-0000011"


def event(number: int, **fields: object) -> bytes:
    return json.dumps(
        {"event_no": number, "resource": {"mall_id": "good-shop", "event_shop_no": "1", **fields}}
    ).encode()


@pytest.fixture
def inbox(settings: Settings, log: EventLog) -> WebhookInbox:
    return WebhookInbox(settings, log)


def test_later_events_lose_the_erased_member(settings: Settings, log: EventLog, inbox: WebhookInbox) -> None:
    inbox.receive(event(90144, member_id=GONE, group_no="2"))
    assert erase_member(settings, "good-shop", GONE).complete
    last = log.read("good-shop", types=TYPES)[-1].seq
    assert inbox.receive(event(90024, order_id=ORDER, member_id=GONE))
    assert inbox.receive(event(90144, member_id=f"{GONE}, {STAYS}", group_no="3"))
    assert inbox.receive(event(90147, member_id=GONE))
    assert trace_of(settings, "good-shop", GONE) == []
    one, two, three = log.read("good-shop", types=TYPES, after=last)
    assert one.payload["order_ids"] == [ORDER] and "member_keys" not in one.payload
    assert two.payload["member_keys"] == [pseudonyms(settings, "good-shop").of(STAYS)]
    assert "member_keys" not in three.payload
    changes = changed_since(log, "good-shop", last)
    assert changes.order_ids == {ORDER} and "customers_privacy" in changes.whole


def test_an_erasure_in_another_process_is_seen_by_a_receiver_that_runs(
    settings: Settings, log: EventLog, inbox: WebhookInbox
) -> None:
    inbox.receive(event(90024, order_id=ORDER, member_id=STAYS))
    assert erase_member(settings, "good-shop", STAYS).complete
    assert inbox.receive(event(90025, order_id=ORDER, member_id=STAYS))
    assert trace_of(settings, "good-shop", STAYS) == []
