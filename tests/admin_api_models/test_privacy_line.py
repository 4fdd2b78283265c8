"""Rows across the privacy line: what is left of them, what is sealed, what is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cafe24_pipelines.cafe24.admin_api.line import Malformed, PrivacyLine, quarantine_row, with_ordinal
from cafe24_pipelines.cafe24.admin_api.line_nodes import Node, node_of
from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES
from cafe24_pipelines.cafe24.privacy import Pseudonyms

ORDERS = RESOURCES["orders"]


def body_of(crossed: Any) -> dict[str, Any]:
    return json.loads(crossed.record.body)


# -- orders ------------------------------------------------------------------------------------------------------


def test_an_order_keeps_what_it_says_and_loses_who_it_is_about(line, hasher, order_row, person) -> None:
    row = order_row()
    crossed = line.across(ORDERS, row)
    body, text = body_of(crossed), crossed.record.body.decode()
    assert row == order_row(), "the row itself is left as it was"
    assert not [secret for secret in person.secrets if secret in text or secret in repr(crossed)]
    key = hasher.of(person.member)
    assert body["member_key"] == key == body["buyer"]["member_key"] and "member_id" not in body
    assert crossed.members == {person.member} and crossed.contacts is None and crossed.unknown == ()
    assert body["buyer"]["region"] == "경기" == body["receivers"][0]["region"]
    assert body["payment_amount"] == "31000.00" and body["items"][0]["product_name"] == "리넨 셔츠 1"
    assert body["items"][1]["quantity"] == 2 and body["items"][0]["claim_reason"] == "생각보다 작아요"
    assert body["return"][0]["refund_amounts"] == [{"amount": "10000.00", "payment_method": "card"}]
    assert body["items"][0]["additional_option_values"] == [
        {"key": "item_option_add", "name": "각인", "type": "text"}
    ]
    assert "benefits" in body and body["benefits"] is None, "null stays null"
    assert "refunds" not in body, "what was left out stays out"
    record = crossed.record
    assert (record.key, record.bucket, record.sealed) == ("20260401-0000013", "2026-04", None)
    assert record.at == datetime(2026, 4, 1, 0, 30, 5, tzinfo=UTC)


def test_the_body_is_canonical_whatever_the_order_of_keys(line, order_row) -> None:
    row = order_row()
    turned = json.loads(json.dumps(row), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    one, other = line.across(ORDERS, row).record, line.across(ORDERS, turned).record
    assert one == other and len(one.digest) == 32
    assert (
        one.body
        == json.dumps(json.loads(one.body), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    )
    assert line.across(ORDERS, order_row(paid="F")).record.digest != one.digest


def test_unknown_fields_are_sealed_reported_by_path_and_counted_into_the_digest(line, seal, order_row) -> None:
    row = order_row(loyalty_note="call 010-9999-8888", site_connect={"a": [1]})
    row["items"][1]["new_field"] = {"who": "x"}
    row["items"][0]["new_field"] = 1
    row["buyer"]["nickname"] = "하늘"
    row["items"][0]["labels"] = [{"by": "somebody"}]  # no source shows what a label is
    crossed = line.across(ORDERS, row)
    assert crossed.unknown == (
        "buyer.nickname",
        "items[].labels",
        "items[].new_field",
        "loyalty_note",
        "site_connect",
    )
    sealed = json.loads(seal.open(crossed.record.sealed))
    assert sealed["items[1].new_field"] == {"who": "x"} and sealed["buyer.nickname"] == "하늘"
    assert b"010-9999-8888" not in crossed.record.body + crossed.record.sealed
    assert b"new_field" not in crossed.record.body and b"somebody" not in crossed.record.body
    again = line.across(ORDERS, row)
    assert again.record.digest == crossed.record.digest and again.record.sealed != crossed.record.sealed
    row["buyer"]["nickname"] = "바다"
    assert line.across(ORDERS, row).record.digest != crossed.record.digest


def test_values_whose_kind_no_source_shows_pass_when_they_are_plain(line, order_row) -> None:
    row = order_row()
    row["items"][0] |= {
        "labels": ["급한 주문", "010-1111-2222 연락"],
        "original_bundle_item_no": 7,
        "one_plus_n_event": True,
    }
    crossed = line.across(ORDERS, row)
    item = body_of(crossed)["items"][0]
    assert item["labels"] == ["급한 주문", "[전화번호] 연락"] and crossed.unknown == ()
    assert (item["original_bundle_item_no"], item["one_plus_n_event"]) == (7, True)


@pytest.mark.parametrize(
    "written",
    [
        "{name}", "받는 사람 김 하늘 이 입니다", "010-2345-6789", "01023456789로 연락", "０１０-２３４５-６７８９",
        "공일공 이삼사오 육칠팔구", "(010)2345.6789", "+82 10 2345 6789", "010 / 2345 / 6789", "{member} 로 입금",
        "{email}", "경기도 성남시 분당구 불정로6 로", "101동1203호 앞", "SKY_Kim77",
    ],
)  # fmt: skip
def test_what_people_write_loses_the_rows_own_values_in_any_spelling(line, order_row, person, written) -> None:
    row = order_row()
    row["items"][0]["claim_reason"] = "색이 달라요 " + written.format(**vars(person))
    reason = body_of(line.across(ORDERS, row))["items"][0]["claim_reason"]
    plain = "".join(reason.split()).casefold()
    assert reason.startswith("색이 달라요 ") and "[" in reason
    for secret in (person.name, "하늘", "2345", "이삼사오", "２３４５", "sky_kim77", "sky.kim", "불정로6", "1203"):
        assert secret.casefold() not in plain


def test_words_that_merely_contain_an_id_or_a_number_stay(line, order_row) -> None:
    row = order_row(member_id="kim")
    row["buyer"]["member_id"] = "kim"
    row["items"][0] |= {"claim_reason": "kimchi 3통, 주문 20260401-0000013 의 12,000원", "product_name": "kim 김"}
    item = body_of(line.across(ORDERS, row))["items"][0]
    assert (
        item["claim_reason"] == "kimchi 3통, 주문 20260401-0000013 의 12,000원" and item["product_name"] == "kim 김"
    )


# -- what is not as it should be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("items", 0, "quantity"), "two", "items[].quantity"),
        (("items", 1, "quantity"), {"n": 1}, "items[].quantity"),
        (("items",), {"0": {}}, "items"),
        (("payment_amount",), "만이천원", "payment_amount"),
        (("items", 1, "product_price"), "1,000", "items[].product_price"),
        (("payment_amount",), ["1"], "payment_amount"),
        (("return", 0, "items", 0, "item_no"), "x", "return[].items[].item_no"),
        (("order_date",), "어제", "order_date"),
        (("order_date",), 20260401, "order_date"),
        (("order_id",), 20260401, "order_id"),
        (("member_id",), 77, "member_id"),
        (("buyer",), "김하늘이", "buyer"),
        (("payment_method",), [{"card": 1}], "payment_method[]"),
    ],
)  # fmt: skip
def test_a_wrong_type_is_refused_with_its_path_and_without_its_value(line, order_row, path, value, field) -> None:
    row = order_row()
    inner = row
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(Malformed) as told:
        line.across(ORDERS, row)
    assert told.value.field == field and told.value.__cause__ is None
    assert not any(
        str(v) in f"{told.value} {told.value.reason}" for v in ("two", "만이천원", "어제", "김하늘이", "77")
    )


def test_a_row_without_its_key_is_refused(line, order_row) -> None:
    row = order_row()
    del row["order_id"]
    with pytest.raises(Malformed, match="order_id: missing"):
        line.across(ORDERS, row)
    for resource, row, field in (
        ("customers", {"shop_no": 1, "group_no": 1}, "member_id"),
        ("customers_privacy", {"shop_no": 1, "member_id": "  "}, "member_id"),
        ("carts", {"shop_no": 1, "member_id": "a1234", "created_date": None}, "product_no"),
        ("articles", {"article_no": 1, "member_id": None}, "board_no"),
        # what people typed is masked by what the row says of them: one that does not say it is not used
        ("articles", {"article_no": 1, "board_no": 4, "content": "kim77 입니다"}, "member_id"),
        ("points", {"shop_no": 1, "issue_date": "2026-01-01T00:00:00+09:00", "reason": "kim77"}, "member_id"),
    ):
        with pytest.raises(Malformed) as told:
            line.across(RESOURCES[resource], row)
        assert told.value.field == field


def test_keys_with_spaces_text_null_and_numbers_as_text_are_understood(line, hasher) -> None:
    customer = {"shop_no": 1, "member_id ": "park99", "last_login_date ": "2026-01-01T00:00:00+09:00", "gender ": "F",
                "group_no": "3", "available_credits ": "0.00"}  # fmt: skip
    crossed = line.across(RESOURCES["customers"], customer)
    body = body_of(crossed)
    assert crossed.record.key == hasher.of("park99") and crossed.unknown == ()
    assert (body["gender"], body["group_no"], body["available_credits"]) == ("F", 3, "0.00")
    issue = {"coupon_no": "6077711111111111111", "issue_no": "1", "member_id": "park99", "group_no": "null",
             "used_date": "null", "related_order_id": "null", "used_coupon": "F"}  # fmt: skip
    body = body_of(line.across(RESOURCES["coupon_issues"], issue))
    assert (body["used_date"], body["related_order_id"], body["group_no"]) == (None, None, None)
    assert body["coupon_no"] == "6077711111111111111"
    view = line.across(RESOURCES["visitors_view"], {"date": "2026-07-22T00:00+09:00", "visit_count": "12"})
    assert body_of(view)["visit_count"] == 12 and view.record.key == "1/2026-07-22"
    assert view.record.at == datetime(2026, 7, 21, 15, tzinfo=UTC)


def test_a_claim_that_is_one_object_is_understood(line, order_row) -> None:
    crossed = line.across(ORDERS, order_row(cancellation={"claim_code": "C1", "claim_reason": "변심", "extra": 1}))
    assert body_of(crossed)["cancellation"]["claim_code"] == "C1" and crossed.unknown == ("cancellation.extra",)


def test_a_guest_has_no_key_and_an_undatable_order_a_bucket(line, order_row) -> None:
    row = order_row(member_id="", order_id="X-1", order_date=None)
    row["buyer"]["member_id"] = None
    crossed = line.across(ORDERS, row)
    assert body_of(crossed)["buyer"]["member_key"] is None and crossed.members == frozenset()
    assert not body_of(crossed)["member_key"] and (crossed.record.bucket, crossed.record.at) == ("other", None)


# -- keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "row", "parent", "key"),
    [
        ("shops", {"shop_no": 2}, {}, "2"),
        ("customer_groups", {"group_no": 3}, {}, "7/3"),
        ("categories", {"category_no": 24, "full_category_no": {"1": "24", "2": None}}, {}, "7/24"),
        ("category_products", {"product_no": 9, "sold_out": True}, {"category_no": 24, "display_group": 1},
         "7/24/1/9"),
        ("products", {"shop_no": 1, "product_no": 9}, {}, "1/9"),
        ("inventories", {"variant_code": "P000000R000A", "quantity": 3}, {"product_no": 9}, "7/P000000R000A"),
        ("coupons", {"coupon_no": "6077711111111111111"}, {}, "7/6077711111111111111"),
        ("coupon_issues", {"issue_no": "12", "member_id": "a1234"}, {"coupon_no": "9"}, "7/12"),
        ("carts", {"member_id": "a1234", "created_date": "2026-01-01T00:00:00+09:00"}, {"product_no": 9},
         "7/9/{a1234}//2026-01-01T00:00:00+09:00"),
        ("wish_lists", {"wishlist_no": 5}, {"member_id": "a1234"}, "7/{a1234}/5"),
        ("articles", {"article_no": 5, "member_id": None}, {"board_no": 4}, "7/4/5"),
        ("refunds", {"refund_code": "R1", "order_id": "20260401-0000013"}, {}, "R1"),
        ("hourly_sales", {"collection_date": "2026-01-01", "collection_hour": "05"}, {}, "7/2026-01-01/05"),
        ("carts_action", {"product_no": "9", "count": "3"}, {"date": "2026-01-01"}, "7/2026-01-01/9"),
        ("sales_volume", {"collection_date": "2026-01-01", "collection_hour": "05", "variants_code": "P000000R000A",
                          "settle_count": "3"}, {"product_no": 9}, "7/9/2026-01-01/05/P000000R000A"),
        ("members_sales", {"member_order_count": 3}, {"date": "2026-01-01"}, "7/2026-01-01"),
        ("sales_times", {"hour": 5, "order_count": 3}, {"date": "2026-01-01"}, "7/2026-01-01/5"),
        ("adeffect_addetails", {"ad": "a/b", "keyword": None}, {"date": "2026-01-01"}, "7/2026-01-01/a%2Fb/"),
        ("visitpaths_domains", {"domain": "search.naver.com"}, {"date": "2026-01-01"},
         "7/2026-01-01/search.naver.com"),
        ("sales_orderdetails", {"order_id": "20260101-0000013", "payment_method": "card"}, {"date": "2026-01-01"},
         "7/2026-01-01/20260101-0000013/card"),
    ],
)  # fmt: skip
def test_a_row_has_the_key_of_its_resource(line, hasher, resource, row, parent, key) -> None:
    crossed = line.across(RESOURCES[resource], row, shop_no=7, parent=parent)
    assert crossed.record.key == key.replace("{a1234}", hasher.of("a1234") or "")
    body = body_of(crossed)
    assert body["shop_no"] == row.get("shop_no", 7), "what the walk knows is in the body too"
    assert all(body[n] == v for n, v in parent.items() if n != "member_id")
    assert ("a1234" in str([row, parent])) == (crossed.members == {"a1234"})


def test_what_visitors_typed_is_masked_in_rows_and_keys_of_statistics(line) -> None:
    typed = {"keyword": "홍길동 010-1234-5678", "visit_count": 3}
    crossed = line.across(RESOURCES["visitpaths_keywords"], typed, parent={"date": "2026-01-01"})
    assert "5678" not in crossed.record.key and "5678" not in body_of(crossed)["keyword"]
    seen = {"url": "shop.example.com/find?email=kim@example.com", "visit_count": "3"}
    crossed = line.across(RESOURCES["visitpaths_urls"], seen, parent={"date": "2026-01-01"})
    assert "kim@" not in crossed.record.key and "kim@" not in body_of(crossed)["url"]
    assert body_of(crossed)["visit_count"] == 3


@pytest.mark.parametrize("amount", [30000, 1800.7, "1800.70", None])
def test_a_figure_may_be_a_number_or_a_text_with_one(line, amount) -> None:
    row = {"order_amount_per_visitor": amount}
    crossed = line.across(RESOURCES["sales_pervisitors"], row, parent={"date": "2026-01-01"})
    assert body_of(crossed)["order_amount_per_visitor"] == amount


def test_equal_rows_without_an_id_are_told_apart_by_their_ordinal(line) -> None:
    row = {"member_id": "a1234", "case": "A", "issue_date": "2026-03-01T10:00:00+09:00", "order_id": None,
           "available_points_increase": "100.00", "available_points_total": "900.00"}  # fmt: skip
    first = line.across(RESOURCES["points"], row).record
    assert first.key.startswith("20260301T010000/") and first.key.endswith("#0")
    assert with_ordinal(first, 2).key == first.key[:-1] + "2"
    assert line.across(RESOURCES["points"], row, parent={"ordinal": 2}).record.key == with_ordinal(first, 2).key
    later = row | {"available_points_total": "50.00", "group_name": "VIP"}
    assert line.across(RESOURCES["points"], later).record.key == first.key, (
        "balances change; the movement is the same"
    )
    other = row | {"available_points_increase": "200.00"}
    assert line.across(RESOURCES["points"], other).record.key != first.key


# -- members, contacts, reviews ------------------------------------------------------------------------------------


def test_a_member_crosses_without_contact_fields_and_these_are_handed_over_apart(line, hasher) -> None:
    row = {
        "shop_no": 1, "member_id": "a1234", "name": "이도윤", "phone": "", "cellphone": "010-7777-8888",
        "email": "a@b.kr", "birthday": "1990-01-01", "state": "서울특별시", "city": "강남구",
        "address1": "서울 강남구",
        "recommend_id": "b5678",
        "created_date": "2026-01-01T00:00:00+09:00", "gender": "M", "sns_list": ["KAKAO(2022-05-23 16:12:47)"],
        "additional_information": [{"key": "키", "value": "180"}], "shop_name": "도윤상사", "total_points": "0.00",
    }  # fmt: skip
    crossed = line.across(RESOURCES["customers_privacy"], row)
    body = body_of(crossed)
    assert body == {
        "additional_information": [{"key": "키"}], "created_date": "2026-01-01T00:00:00+09:00", "gender": "M",
        "member_key": hasher.of("a1234"), "recommend_key": hasher.of("b5678"), "region": "서울", "shop_no": 1,
        "sns_list": ["KAKAO(2022-05-23 16:12:47)"], "total_points": "0.00",
    }  # fmt: skip
    kept = {"member_id": "a1234", "name": "이도윤", "cellphone": "010-7777-8888", "email": "a@b.kr"}
    assert crossed.contacts == {hasher.of("a1234"): kept} and crossed.members == {"a1234"}
    assert "이도윤" not in repr(crossed) and "a1234" not in repr(crossed)


@pytest.mark.parametrize(
    ("address", "region"),
    [("경상남도 창원시", "경남"), ("세종특별자치시 한누리대로", "세종"), ("제주 제주시", "제주"),
     ("전북특별자치도 전주시", "전북"), ("Seoul", None), ("서울역 앞", None), ("", None), (None, None)],
)  # fmt: skip
def test_the_region_is_a_province_or_nothing(line, address, region) -> None:
    body = body_of(line.across(RESOURCES["customers_privacy"], {"member_id": "a1234", "address1": address}))
    assert body.get("region") == region


def test_a_review_loses_its_writer_inside_its_text_too(line) -> None:
    row = {
        "board_no": 4, "article_no": 1, "writer": "이도윤", "nick_name": "도도", "member_id": "doyun90", "rating": 5,
        "title": "이도윤의 후기",
        "content": "<p>도도입니다. doyun90, 010 7777 8888 로 연락 주세요. 이 도윤 드림</p>",
        "client_ip": "10.0.0.1", "writer_email": "d@e.kr",
        "attach_file_urls": [{"no": 1, "name": "이도윤.jpg", "url": "u"}],
    }  # fmt: skip
    body = body_of(line.across(RESOURCES["articles"], row))
    assert body["title"] == "[이름]의 후기" and body["attach_file_urls"] == [{"no": 1}]
    assert body["content"] == "<p>[이름]입니다. [회원], [전화번호] 로 연락 주세요. [이름] 드림</p>"


def test_members_who_alone_may_buy_a_product_are_hashed(line, hasher) -> None:
    body = body_of(line.across(RESOURCES["products"], {"product_no": 1, "buy_member_id_list": ["a1234", "b5678"]}))
    assert body["buy_member_key_list"] == [hasher.of("a1234"), hasher.of("b5678")]
    assert "buy_member_id_list" not in body


# -- nothing gets through ------------------------------------------------------------------------------------------

POISON = "홍길동 010-9876-5432 hong.gd@example.com 900101-1234567"


def poisoned(node: Node) -> dict[str, Any]:
    """A row of a model in which every text, at any depth, holds personal patterns."""
    row: dict[str, Any] = {}
    fields = {f.encode_name: f for f in msgspec.structs.fields(node.struct)}
    for name in node.known - {n for n, _ in node.children}:
        kind = str(fields[name].type) if name in fields else "str"
        if node.decimals is not None and name in node.decimals.names:
            row[name] = "1.00"
        elif "list" in kind:
            row[name] = [POISON] if "str" in kind else [1]
        else:
            row[name] = POISON if "str" in kind or "Any" in kind else True if "bool" in kind else 1
    for name, child in node.children:
        many = name not in {"buyer", "receiver", "pickup", "reshipping_detail", "return_address"} and "list" in str(
            fields[name].type
        )
        row[name] = [poisoned(child), poisoned(child)] if many else poisoned(child)
    return row


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=lambda r: r.name)
def test_no_field_of_any_resource_lets_a_pattern_through(line, resource) -> None:
    node = node_of(resource.model)
    row = poisoned(node)
    row |= {n: f"k{n}" for n in resource.key if n in node.known and row[n] == POISON}
    row |= {"member_id": "hong_gd"} if "member_id" in node.known else {}
    row |= {"buy_member_id_list": ["hong_gd"]} if "buy_member_id_list" in node.known else {}
    row |= {resource.dated: "2026-01-01T00:00:00+09:00"} if resource.dated else {}
    record = line.across(resource, row).record
    for pattern in (b"9876", b"hong", b"1234567", b"example.com"):
        assert pattern not in record.body, record.body[max(0, record.body.find(pattern) - 60) :][:120]


@pytest.mark.parametrize(
    "value", ["01098765432", "9001011234567", "900101-1234567", "a@b.kr", "010 9876 5432", "(010)9876-5432"]
)
def test_a_code_that_holds_something_personal_is_masked_and_a_bar_code_is_not(line, order_row, value) -> None:
    row = order_row(market_id=value)
    row["items"][0]["custom_product_code"] = "8801234567891"
    body = body_of(line.across(ORDERS, row))
    assert value[:9] not in body["market_id"] or value.startswith("(")
    assert body["items"][0]["custom_product_code"] == "8801234567891"


def test_a_row_for_quarantine_can_be_found_again_and_says_nothing_personal(line, hasher, order_row, person) -> None:
    row = order_row(order_place_name=person.name, quantity="two") | {"paid ": "T", "memo": person.phone}
    told = line.quarantine_row(ORDERS, row, "Expected `int`", "items[].quantity")
    assert (
        told["reason"] == "Expected `int`"
        and told["field"] == "items[].quantity"
        and str(told["amount"]) == "31000.0000"
    )
    kept = json.loads(told["row"])
    assert kept["order_id"] == "20260401-0000013" and kept["member_key"] == hasher.of(person.member)
    assert kept["order_date"] == row["order_date"] and kept["paid"] == "T"
    assert not [secret for secret in person.secrets if secret in told["row"]]
    assert "member_key" not in json.loads(quarantine_row(ORDERS, row, "r", "f")["row"])
    for odd in (None, [], "text", {"order_id": {"a": 1}, "payment_amount": "열", 3: 4}):
        assert json.loads(line.quarantine_row(ORDERS, odd, "r", "")["row"]) == {}


def test_text_that_is_not_unicode_and_depth_are_refused_not_crashed_on(line, order_row) -> None:
    with pytest.raises(Malformed, match="not Unicode"):
        line.across(ORDERS, order_row(order_place_name="\ud800"))


def test_one_line_serves_many_threads(seal, order_row) -> None:
    line = PrivacyLine("shop", Pseudonyms(b"q"), seal)
    rows = [order_row(order_id=f"202604{n % 28 + 1:02}-{n:07}", payment_amount=f"{n}.00") for n in range(300)]
    alone = [line.across(ORDERS, row) for row in rows]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda row: line.across(ORDERS, row), rows)) == alone


# -- whom the row itself names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        ("writer", "이도윤", "이.도.윤 드림"), ("writer", "이도윤", "이\u200b도\u200b윤 드림"),
        ("writer", "이도윤", "&#51060;도윤 드림"), ("nick_name", "Dodo", "ＤＯＤＯ 드림"),
        ("writer", "이도윤", "이</b>도윤 드림"), ("member_id", "do_yun90", "do-yun90 드림"),
        ("writer_email", "doyun.lee@example.com", "doyun.lee 드림"),
        ("writer_email", "doyun.lee@example.com", "doyun.lee@example.com 드림"),
    ],
)  # fmt: skip
def test_a_writer_is_known_again_in_any_disguise(line, field, value, written) -> None:
    row = {
        "board_no": 4,
        "article_no": 1,
        "member_id": "",
        "title": f"후기 {written}",
        "content": f"<p>{written}</p>",
    }
    body = body_of(line.across(RESOURCES["articles"], row | {field: value}))
    told = [body["title"].removeprefix("후기 "), body["content"].removeprefix("<p>").removesuffix("</p>")]
    assert all(text.endswith("] 드림") and text.count("[") == 1 for text in told), told


def test_who_stands_for_nobody_is_not_masked(line) -> None:
    row = {
        "board_no": 4,
        "article_no": 1,
        "member_id": "",
        "writer": "고객",
        "title": "t",
        "content": "고객 감사 행사",
    }
    assert body_of(line.across(RESOURCES["articles"], row))["content"] == "고객 감사 행사"


def test_numbers_of_a_parcel_and_days_of_birth_of_the_row_are_masked_too(line, order_row) -> None:
    row = order_row()
    row["items"][0] |= {"tracking_no": "6881-2345-67", "claim_reason": "6881 2345 67 조회가 안 돼요"}
    assert body_of(line.across(ORDERS, row))["items"][0]["claim_reason"] == "[번호] 조회가 안 돼요"


@pytest.mark.parametrize("value", ["0212345678", "4242424242424242", "0504-123-4567", "02)1234-5678"])
def test_landlines_and_cards_in_codes_are_masked(line, order_row, value) -> None:
    body = body_of(line.across(ORDERS, order_row(market_id=value)))
    assert body["market_id"].startswith("[")
