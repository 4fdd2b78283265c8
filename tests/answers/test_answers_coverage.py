"""Questions as merchants ask them: the query that answers each, and the ones that must be refused."""
# ruff: noqa: E501

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.answers import gather
from cafe24_pipelines.answers.aggregates import Computed
from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.intents import route
from cafe24_pipelines.answers.refusal import Refusal, refuse
from cafe24_pipelines.answers.words import normal

ANSWERED = {
    "우리 가게 VIP 손님들이 얼마나 썼어?": "net_sales",
    "요즘 장사 어때?": "sales_change", "작년 이맘때보다 매출이 늘었어?": "sales_change",
    "전월 대비 매출": "sales_change", "객단가 떨어졌어?": "sales_change", "1월과 2월 매출은?": "sales_change",
    "제일 잘 나가는 거 뭐야?": "top_products_by_quantity", "가장 적게 팔린 상품 5개": "top_products_by_quantity",
    "주말에 많이 팔린 상품은?": "top_products_by_quantity", "매출 꼴찌 상품은?": "top_products_by_amount",
    "단골이 몇 명이야?": "loyal_customers", "3번 이상 산 고객은 몇 명?": "buyers_by_times",
    "한번도 구매 안 한 회원은 몇 명이야?": "never_bought", "지난달 고객은 몇 명이야?": "buyers",
    "등급별 객단가는?": "aov_by_tier", "VIP 재구매율은?": "repurchase_rate", "서울 고객 객단가는?": "aov",
    "VIP 고객 매출 비중은?": "sales_by_tier", "VIP랑 일반 등급 매출 비교해줘": "sales_by_tier",
    "회원과 비회원 매출 비교": "sales_by_membership", "신규 고객과 기존 고객 객단가 비교": "aov_by_buyer_kind",
    "월별 신규 고객 수 추이": "new_customers_by_month", "월별 재구매율 추이는?": "repurchase_by_month",
    "코호트별 재구매율 알려줘": "cohort_retention", "매출이 가장 많이 떨어진 상품은?": "product_change",
    "카테고리 비중이 지난달과 비교해 어떻게 변했어?": "category_change", "상품별 재구매율은?": "product_repurchase",
    "쿠폰 효과 있어?": "coupon_order_share", "환불 금액은 얼마야?": "refund_amount", "밤 10시 이후 주문은 몇 건?": "order_count",
    "재고 얼마나 남았어?": "stock_total", "재고 부족한 상품 목록": "stock_list", "리뷰 작성률은?": "review_write_rate",
    "장바구니에 담고 안 산 비율은?": "cart_abandon", "매출이 제일 낮았던 날은?": "best_day",
    "매출이 제일 좋았던 달은?": "monthly_sales", "분기별 매출은?": "sales_by_quarter",
    "주문당 몇 개씩 사?": "units_per_order", "상위 10% 고객 매출 비중은?": "top_customers_share",
    "시카 진정 세럼 월별 판매량": "product_sales_by_month", "취소율이 지난달보다 늘었어?": "cancel_change",
    "3월에 매출이 왜 떨어졌어?": "sales_decomposition", "첫 구매에 가장 많이 사는 상품은?": "first_purchase_products",
}  # fmt: skip

REFUSED = [
    "나이키 매출은?", "VIP 제외 매출은?", "리뷰 없는 상품은?", "화요일 밤 매출은?", "3월 첫째 주 매출은?", "연말 매출은?",
    "90일 안에 재구매한 비율은?", "1월, 2월, 3월 매출", "쿠폰 주문의 반품 금액은?", "점심시간 매출은?", "명절 매출은?",
    "VIP 재고는?", "고객 00000000000a의 주문 내역",
]  # fmt: skip

PERSONAL = [
    "회원 hong1234의 주문 내역 보여줘", "홍길동 고객 주문 내역 보여줘", "고객 김민수의 구매 이력",
    "이름이 김민수인 고객의 주문", "010-1234-5678 고객의 주문은?", "고객 abc@shop.kr 구매 금액",
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(small_shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Services:
    return small_shop.services(tmp_path_factory.mktemp("coverage"))


def result(question: str, shop: Services) -> Computed | Refusal | None:
    text = normal(question)
    return refuse(text) or gather.computed(route(text), shop)


@pytest.mark.parametrize(("question", "key"), ANSWERED.items())
def test_a_question_finds_its_query(shop: Services, question: str, key: str) -> None:
    found = result(question, shop)
    assert isinstance(found, Computed), found
    assert found.key == key and found.numbers and "조건으로 쓰지" not in found.text


@pytest.mark.parametrize("question", REFUSED)
def test_what_is_not_understood_gives_no_number(shop: Services, question: str) -> None:
    found = result(question, shop)
    assert not isinstance(found, Computed), (question, found)


@pytest.mark.parametrize("question", PERSONAL)
def test_people_are_not_looked_up_by_name_or_id(question: str) -> None:
    refusal = refuse(normal(question))
    assert refusal is not None and refusal.rule == "personal_data"


@pytest.mark.parametrize(
    "question",
    ["이번 달 고객의 주문 내역 건수", "신규 고객의 구매 금액", "VIP 고객의 주문은?", "전체 고객의 구매 이력은 몇 건?",
     "고객 top10 매출 비중", "서울 고객의 주문 건수"],
)  # fmt: skip
def test_questions_about_many_are_not_personal(question: str) -> None:
    assert refuse(normal(question)) is None


def test_filters_narrow_the_number(shop: Services) -> None:
    def first(question: str) -> float:
        found = result(question, shop)
        assert isinstance(found, Computed), (question, found)
        return float(found.numbers[0].value)

    whole = first("전체 매출은?")
    assert first("VIP 매출은?") + first("골드 매출은?") + first("일반 등급 매출은?") < whole  # guests have none
    assert first("주말 매출은?") + first("평일 매출은?") == whole
    assert first("오전 매출은?") + first("오후 매출은?") == whole
    assert 0 < first("여성 VIP 매출은?") < first("VIP 매출은?")


def test_top_and_bottom_are_opposite_ends(shop: Services) -> None:
    top, bottom = result("매출 상위 상품 3개", shop), result("매출 하위 상품 3개", shop)
    assert isinstance(top, Computed) and isinstance(bottom, Computed)
    assert [row["name"] for row in top.rows] == [row["name"] for row in reversed(bottom.rows)]


def test_the_split_of_a_change_adds_up_in_every_view(shop: Services) -> None:
    found = result("2026년 3월에 매출이 왜 떨어졌어?", shop)
    assert isinstance(found, Computed)
    whole = next(row["change"] for row in found.rows if row["part"] == "total")
    for part in ("orders_aov", "buyers", "categories", "products"):
        parts = [row["change"] for row in found.rows if row["part"] == part]
        assert len(parts) > 1 and sum(parts, Decimal(0)) == whole, part
    assert "원인을 증명하지는 않습니다" in found.text and "설 연휴 3일" in found.text  # Seollal 2026 is in February
    assert not found.rows or whole <= 0 or "줄지 않고 늘었습니다" in found.text


def test_one_customer_by_the_hashed_key(shop: Services, small_shop: Any) -> None:
    key = small_shop.members[3]
    whole, prefix = result(f"고객 {key} 구매 이력", shop), result(f"고객 {key[:10]}은 얼마나 샀어?", shop)
    assert isinstance(whole, Computed) and isinstance(prefix, Computed)
    assert whole.numbers == prefix.numbers and key not in whole.text
    with shop.lake.duckdb() as db:
        spent = db.execute("SELECT sum(net_amount) FROM order_facts WHERE member_key = ?", [key]).fetchall()[0][0]
    assert float(spent) in [n.value for n in whole.numbers]
    assert "RFM" in whole.text and "서울" not in whole.text and "여성" not in whole.text


def test_a_key_that_names_nobody_is_refused(shop: Services) -> None:
    found = result("고객 abcdef0123456789의 주문은?", shop)
    assert isinstance(found, Refusal) and found.rule == "unknown_member"


def test_the_same_lake_gives_the_same_answer(shop: Services, small_shop: Any, tmp_path: Path) -> None:
    again = small_shop.services(tmp_path)
    for question in ("요일별 매출을 알려줘", "매출 상위 상품 3개", "3월에 매출이 왜 떨어졌어?"):
        assert result(question, shop) == result(question, again)
