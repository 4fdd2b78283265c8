"""What a question names exactly (a number, a coupon, a branch of categories) is answered as that, or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.answers import gather
from cafe24_pipelines.answers.aggregates import Computed
from cafe24_pipelines.answers.ask import Services, ask
from cafe24_pipelines.answers.identifiers import identifiers, unknown_path
from cafe24_pipelines.answers.intents import route
from cafe24_pipelines.answers.lake_names import open_session, session
from cafe24_pipelines.answers.refusal import Refusal, refuse
from cafe24_pipelines.answers.rows import read_rows


@pytest.fixture(scope="module")
def shop(small_shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Services:
    services: Services = small_shop.services(tmp_path_factory.mktemp("named"))
    return services


def result(question: str, shop: Services) -> Computed | Refusal | None:
    return refuse(question) or gather.computed(route(question), shop)


def computed(question: str, shop: Services) -> Computed:
    found = result(question, shop)
    assert isinstance(found, Computed), (question, found)
    return found


def one(sql: str, shop: Services) -> Any:
    return shop.lake.query(sql)["x"][0].as_py()


def test_numbers_of_things_are_read_and_others_are_not() -> None:
    read = {i.shown for i in identifiers("주문번호 20260101-0000011, 쿠폰번호: 608112, 리뷰 번호 77, 상품코드 P00AB")}
    assert read == {"주문번호 20260101-0000011", "쿠폰번호 608112", "리뷰번호 77", "상품번호 P00AB"}
    for plain in (
        "3번 주문한 고객",
        "2026-10-01 매출",
        "주문 120건",
        "쿠폰 3장",
        "상위 5개 상품",
        "10만원 이상 주문",
    ):
        assert identifiers(plain) == ()


def test_one_order_is_told_as_it_landed_and_never_who(shop: Services, small_shop: Any) -> None:
    found = computed("주문번호 o0003 결제한 금액이 얼마였지?", shop)
    assert found.key == "order_record"
    assert found.numbers[0].value == one("SELECT paid_amount AS x FROM orders WHERE order_id = 'o0003'", shop)
    assert shop.lake.query(found.numbers[0].query).num_rows == 1
    assert not any(key[:8] in found.text for key in small_shop.members)
    rows = read_rows(found.numbers[0].rows, shop.lake, shop.mall)
    assert rows.of == "order_line" and rows.total == 1
    assert computed("리뷰 번호 r6 별점은?", shop).key == "review_record"


@pytest.mark.parametrize(
    ("question", "rule"),
    [
        ("주문번호 o9999 금액은?", "unknown_id"), ("20300101-0000011 주문 상태 알려줘", "unknown_id"),
        ("쿠폰번호 778899 사용률", "unknown_id"), ("상품번호 zz81 이번 달 매출", "unknown_id"),
        ("리뷰번호 5550123 평점", "unknown_id"), ("에메랄드 등급 매출은 얼마야?", "unknown_name"),
        ("VVIP 등급 매출은?", "unknown_name"), ("'고래 인형' 올해 매출은?", "unknown_name"),
        ("'달빛 시카 진정 세럼 골드' 올해 매출은?", "unknown_name"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_refused_and_nothing_else_is_told(shop: Services, question: str, rule: str) -> None:
    found = result(question, shop)
    assert isinstance(found, Refusal) and found.rule == rule, found


def test_a_coupon_by_its_name_whatever_words_it_holds(shop: Services) -> None:
    for question in ("가을 감사 10% 쿠폰 사용률은?", "가을 감사 쿠폰 몇 장 썼어?", "쿠폰번호 c1 발급 건수"):
        found = computed(question, shop)
        assert found.key == "coupon_one" and found.numbers[0].value == one(
            "SELECT count(*) AS x FROM coupon_issues", shop
        )
    sales = computed("가을 감사 쿠폰 쓴 주문 매출은?", shop)
    wanted = one("SELECT sum(net_amount) AS x FROM order_facts WHERE coupon_no = 'c1'", shop)
    assert sales.key == "net_sales" and sales.numbers[0].value == wanted and "가을 감사 10% 쿠폰" in sales.text
    assert computed("가을 감사 쿠폰 할인이 얼마야?", shop).numbers[0].value == 10
    used = "SELECT count(DISTINCT member_key) AS x FROM coupon_issues"
    assert computed("쿠폰을 받은 회원이 몇 명이지?", shop).numbers[0].value == one(used, shop)


def test_a_category_with_others_below_it_is_their_sum(shop: Services) -> None:
    found = computed("뷰티 하위 분류까지 모두 합친 매출", shop)
    parts = [computed(f"{name} 카테고리 매출은?", shop).numbers[0].value for name in ("세럼", "핸드크림")]
    assert found.key == "branch_sales" and found.numbers[0].value == sum(parts)
    assert read_rows(found.numbers[0].rows, shop.lake, shop.mall).total > 0


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("등급별로 손님이 쓴 돈 총액", "sales_by_tier"), ("지역마다 몇 개나 샀나", "units_by_region"),
        ("올해 제일 많이 산 상품", "top_products_by_quantity"), ("시카 진정 세럼 몇 개 남아있지?", "product_stock"),
        ("시카 진정 세럼하고 같이 자주 많이 산 물건", "bought_with_product"),
        ("주문 하나당 평균 얼마나 되지?", "aov"), ("상품 두 가지 이상 담은 주문은 몇 건이지?", "orders_by_kinds"),
        ("가장 많이 팔린 상품 재고는?", "best_seller_stock"), ("재고 20개 이하 상품은 몇 개지?", "stock_count"),
        ("재고 20개 이하인 상품이 뭐야?", "stock_bounded"), ("순면 차렵이불 분류가 뭐야?", "product_facts"),
        ("6월이랑 7월 중에 어느 달이 더 벌었어?", "sales_change"),
    ],
)  # fmt: skip
def test_the_measure_is_the_one_that_was_asked_for(shop: Services, question: str, key: str) -> None:
    assert computed(question, shop).key == key


def test_the_mean_is_told_where_the_mean_is_asked(made_mall: Callable[..., Services], rows: Any) -> None:
    from datetime import UTC, datetime, timedelta

    at = datetime(2026, 1, 10, 1, tzinfo=UTC)
    orders = [
        rows.order(n, "2026-01-10 10:00", "100", delivered_at=at + timedelta(days=days))
        for n, days in enumerate((1, 1, 7))
    ]
    answer = ask("평균 배송일은 며칠이야?", made_mall(orders=orders))
    assert [n.value for n in answer.numbers] == [3, 1, 3]


def test_a_thing_that_is_a_fact_comes_before_documents(shop: Services, small_shop: Any) -> None:
    found = computed(f"고객 {small_shop.members[3][:12]} 등급이 뭐야?", shop)
    assert found.key == "customer_history" and "회원 등급" in found.text
    assert "침구" in computed("순면 차렵이불 분류가 뭐야?", shop).text


def test_paths_that_the_documentation_does_not_hold(sandbox_services: Services) -> None:
    with session(sandbox_services) as opened:
        assert unknown_path("GET /api/v2/admin/teapots 권한은?", opened.names) is not None
        assert unknown_path("DELETE /api/v2/admin/orders 호출법", opened.names) is not None
        for known in ("GET /api/v2/admin/orders", "/api/v2/admin/orders/{id}", "GET /admin/orders/20260101-0000011"):
            assert unknown_path(f"{known} 스코프는?", opened.names) is None
    answer = ask("GET /api/v2/admin/teapots 호출하려면 어떤 권한이 필요해?", sandbox_services)
    assert answer.refused and answer.rule == "unknown_path" and answer.citations == ()


def test_names_are_read_once_until_something_lands(small_shop: Any, tmp_path: Path) -> None:
    services: Services = small_shop.services(tmp_path)
    with open_session(services.lake, "Asia/Seoul") as first, open_session(services.lake, "Asia/Seoul") as second:
        assert first.names is second.names and "뷰티" in first.names.branches
    groups = services.lake.read("customer_groups")
    services.lake.land("customer_groups", groups.slice(0, 1), snapshot=True)
    with open_session(services.lake, "Asia/Seoul") as third:
        assert third.names is not first.names and len(third.names.tiers) == 1


def test_a_shared_session_gives_what_a_session_of_its_own_gives(shop: Services) -> None:
    from dataclasses import replace

    with open_session(shop.lake, shop.mall.time_zone) as opened:
        shared = replace(shop, session=opened)
        for question in ("올해 매출은?", "요일별 매출을 알려줘", "시카 진정 세럼 재고는?"):
            assert result(question, shared) == result(question, shop)


def test_refusals_that_were_answers_and_answers_that_were_refusals() -> None:
    key = "b8e7a6372070d313245782e9b283979a"
    for asked, rule in {
        f"{key} 고객의 집 주소가 어디야": "personal_data", "고객 실몀 좀": "personal_data",
        "고객센터 전화 문의는 몇 번이나 왔지?": "not_landed", "택배비로 우리가 낸 돈이 얼마지": "not_landed",
        "이 상품 숨김으로 바꿔놔": "write",
    }.items():  # fmt: skip
        found = refuse(asked)
        assert found is not None and found.rule == rule, asked
    for asked in ("쿠폰 받은 사람은 몇 명이야?", "회원 연락처 조회 권한은?", "회원 관심상품 조회 API", "고객 설명 좀",
                  "대표님이 궁금해하시는데 주문이 몇 건이지", "받은 배송비는 얼마야?"):  # fmt: skip
        assert refuse(asked) is None, asked


def test_chat_around_a_question_changes_nothing(sandbox_services: Services) -> None:
    plain = ask("지난달 매출은 얼마야?", sandbox_services)
    for asked in ("급한데 지난달 매출은 얼마야? ㅠㅠ", "사장님이 물어보시는데요 지난달 매출은 얼마야?",
                  "지난달 매출은 얼마예요? 빨리요!!", "수고하세요~ 지난달 매출은 얼마야 ㅎㅎ"):  # fmt: skip
        assert ask(asked, sandbox_services).answer == plain.answer, asked
