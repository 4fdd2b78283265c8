"""What is kept of an event, and what a run of events says has changed."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cafe24_pipelines.cafe24.privacy import Pseudonyms
from cafe24_pipelines.cafe24.webhooks import (
    NotAnEvent,
    changed_since,
    read_event,
    without_personal_data,
)
from cafe24_pipelines.stores.events import Event, EventLog

HASHER = Pseudonyms(b"k" * 32)

ORDER = {
    "event_no": 90023,
    "resource": {
        "mall_id": "good-shop", "event_shop_no": "1", "order_id": "20261001-0000123", "member_id": "gdhong",
        "buyer_name": "홍길동", "buyer_email": "gdhong@example.com", "buyer_phone": "02-0000-0000",
        "buyer_cellphone": "010-2424-2424", "billing_name": "홍길동", "shipping_message": "문 앞에 두세요",
        "bank_account_no": "382-222254-13-001", "ordering_product_code": "P00000BO,P00000DQ", "paid": "T",
    },
}  # fmt: skip


def kept(body: object) -> dict:
    return without_personal_data(read_event(json.dumps(body).encode()), HASHER)


def test_an_order_event_keeps_its_ids_and_nothing_personal():
    payload = kept(ORDER)
    assert payload["event_no"] == 90023 and payload["shop_no"] == 1
    assert payload["order_ids"] == ["20261001-0000123"]
    assert payload["member_keys"] == [HASHER.of("gdhong")]
    assert "buyer_email" in payload["other_keys"] and "order_id" not in payload["other_keys"]
    text = json.dumps(payload, ensure_ascii=False)
    for personal in ("gdhong", "홍길동", "010-2424", "02-0000", "382-222254", "문 앞"):
        assert personal not in text


@pytest.mark.parametrize(
    ("body", "number", "shop"),
    [
        ({"event_no": 90143, "mall_id": "m", "event_shop_no": "2", "member_id": "a"}, 90143, 2),
        ({"mall_id": "m", "event_shop_no": "90145", "member_id": "a, b, c"}, 90145, None),
        ({"mall_id": "m", "event_shop_no": "90147", "member_id": "a, b, c"}, 90147, None),
        ({"mall_id": "m", "event_shop_no": "1", "member_id": "a", "diff_key": ["name"]}, 90080, 1),
        ({"event_no": "90154", "resource": {"mall_id": "m", "event_shop_no": 1}}, 90154, 1),
        ({"event_no": 90167, "resource": {"trigger_name": "x", "sample": {"event_shop_no": "1", "mall_id": "m"}}},
         90167, 1),
        ({"event_no": 90148, "resource": {"mall_id": "m", "shop_no": "1", "member_id": "a"}}, 90148, 1),
        ({"mall_id": "m", "surprise": 1}, None, None),
    ],
)  # fmt: skip
def test_every_shape_of_the_samples_is_read(body, number, shop):
    event = read_event(json.dumps(body).encode())
    assert (event.mall_id, event.event_no) == ("m", number)
    payload = without_personal_data(event, HASHER)
    assert payload["shop_no"] == shop
    if ", " in str(body.get("member_id")):
        assert payload["member_keys"] == sorted(str(HASHER.of(m)) for m in "abc")


def test_bulk_events_join_ids_and_coupon_numbers_keep_all_their_digits():
    assert kept({"event_no": 90071, "resource": {
        "mall_id": "m", "order_id": "20200717-0001242,20200717-0001251, 20200717-0001242"}}
    )["order_ids"] == ["20200717-0001242", "20200717-0001251"]  # fmt: skip
    assert kept({"event_no": 90041, "resource": {"mall_id": "m", "product_no": "17652,17394"}})["product_nos"] == [
        "17394", "17652",
    ]  # fmt: skip
    for number in (6072120804600000001, "6072120804600000001"):
        found = kept({"event_no": 90151, "resource": {"mall_id": "m", "coupon_no": number}})
        assert found["coupon_nos"] == ["6072120804600000001"]
    assert kept({"event_no": 90084, "resource": {"mall_id": "m", "product_no": 781, "variant_code": "P0000BEB000A"}})[
        "variant_codes"
    ] == ["P0000BEB000A"]


def test_a_value_that_is_no_such_id_is_counted_and_not_kept():
    payload = kept({"event_no": 90023, "resource": {
        "mall_id": "m", "order_id": "010-2424-2424", "product_no": "01024242424", "variant_code": "홍길동",
        "coupon_no": 12.5, "a@b.example": 1, "board_no": True}})  # fmt: skip
    assert payload["unreadable_ids"] == 3
    assert not {"order_ids", "product_nos", "variant_codes", "coupon_nos", "board_nos"} & payload.keys()
    assert "@" not in json.dumps(payload) and "2424" not in json.dumps(payload)


def test_the_order_number_of_an_app_payment_is_no_order_of_the_shop():
    body = {"event_no": 90157, "resource": {"mall_id": "m", "client_id": "c", "order_id": "20261001-0000123"}}
    event = read_event(json.dumps(body).encode())
    assert event.type == "app.paid"
    payload = without_personal_data(event, HASHER, client_id="another")
    assert "order_ids" not in payload and payload["this_app"] is False


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[]", b'"text"', b"{}", b'{"event_no": 1}', b'{"resource": 3, "mall_id": "m"}', b"\xff\xfe",
     b'{"mall_id": "m", "x": NaN}', b'{"mall_id": 5}', b"[" * 100_000, b'{"a":' * 50_000],
)  # fmt: skip
def test_what_is_no_event_is_refused_without_repeating_it(body):
    with pytest.raises(NotAnEvent) as refused:
        read_event(body)
    assert len(str(refused.value)) < 60


def test_a_body_is_never_in_a_repr():
    assert "gdhong" not in repr(read_event(json.dumps(ORDER).encode()))


def test_changes_gather_what_events_touched_and_say_where_to_go_on(tmp_path: Path):
    log = EventLog(tmp_path / "events.db")
    bodies = [
        ORDER,
        {"event_no": 90027, "resource": {"mall_id": "m", "order_id": "20261002-0000001"}},
        {"event_no": 90144, "mall_id": "m", "domain": "m.cafe24.com"},
        {"event_no": 90075, "resource": {"mall_id": "m", "product_no": 5, "variant_code": "P000CCAO000B"}},
        {"event_no": 90033, "resource": {"mall_id": "m", "board_no": 4, "no": 81, "member_id": "x"}},
        {"event_no": 90034, "resource": {"mall_id": "m", "board_no": 8, "comment_member_id": "x"}},
        {"event_no": 90151, "resource": {"mall_id": "m", "coupon_no": "not a number"}},
        {"event_no": 90077, "resource": {"mall_id": "m", "client_id": "c"}},
    ]
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for n, body in enumerate(bodies):
        event = read_event(json.dumps(body).encode())
        log.append([Event(f"webhook:{n}:0", "m", event.type, at, without_personal_data(event, HASHER))])
    log.append([Event("another", "m", "feedback.received", at, {})])
    changes = changed_since(log, "m")
    assert changes.events == 8 and changes.about_app == ("app.uninstalled",)
    assert changes.resources == {
        "orders", "refunds", "customers", "customers_privacy", "products", "inventories", "articles",
        "coupons",
    }  # fmt: skip
    assert changes.whole == {"customers", "customers_privacy", "articles", "coupons"}
    assert changes.order_ids == {"20261001-0000123", "20261002-0000001"}
    assert changes.product_nos == {5} and changes.articles == {(4, 81)}
    assert changes.member_keys == {HASHER.of("gdhong"), HASHER.of("x")}
    assert changed_since(log, "m", changes.last_seq).events == 0
    assert changed_since(log, "m", changes.last_seq).last_seq == changes.last_seq
    assert changed_since(log, "elsewhere").resources == frozenset()


def test_more_events_than_a_page_of_the_log_are_all_read(tmp_path: Path):
    log = EventLog(tmp_path / "events.db")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    log.append(
        Event(f"webhook:{n}:0", "m", "webhook.received", at, {"event_no": 90001, "product_nos": [str(n + 1)]})
        for n in range(2500)
    )
    changes = changed_since(log, "m")
    assert changes.events == 2500 and len(changes.product_nos) == 2500
