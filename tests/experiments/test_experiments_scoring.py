"""Scores by hand: which answers are right, which are not, and why."""

from typing import Any

import pytest

from cafe24_pipelines.experiments.faithfulness import faithful_numbers, faithful_sentences
from cafe24_pipelines.experiments.gold import UNITS, Gold, GoldNumber, GoldQuestion, counted, mean, rate, stated
from cafe24_pipelines.experiments.scoring import MOST_NUMBERS, Score, citations, score
from cafe24_pipelines.experiments.stated import statements

WON = ("원",)
COMPUTED = [{"id": "computed:sales", "kind": "computed"}]


def judged(gold: Gold, answer: str, *, question: str = "지난달 매출과 주문 알려줘", refused: bool = False,
           cited: Any = COMPUTED) -> Score:  # fmt: skip
    kind = "unanswerable" if gold.refuse else "aggregate"
    kept = {"answer": answer, "refused": refused, "citations": cited, "latency_ms": 1.0, "input_tokens": 3,
            "output_tokens": 4, "cost_usd": 0.0}  # fmt: skip
    return score(GoldQuestion("q-1", kind, "sales", question, "plain", gold), kept)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("매출은 1,234,500원입니다.", [(1234500.0, "원")]),
        ("약 3만 5천 원", [(35000.0, "원")]),
        ("3만5천원", [(35000.0, "원")]),
        ("1억 2천만 원", [(120_000_000.0, "원")]),
        ("-6.25% 줄었습니다", [(-6.25, "%")]),
        ("4.1점(2,241개)", [(4.1, "점"), (2241.0, "개")]),
        ("2026년 9월에는 12건", [(12.0, "건")]),
        ("2026-09-01~2026-09-30, 주문 20260903-0000012는 3개", [(3.0, "개")]),
        ("`GET /api/v2/admin/orders` limit 1000 [문서 1]", [(1000.0, "")]),
        ("1. 첫째 7명\n2. 둘째 9명", [(7.0, "명"), (9.0, "명")]),
        ("평균 2.0일, 1위", [(2.0, "일"), (1.0, "위")]),
    ],
)
def test_numbers_are_read_with_their_units(text: str, expected: list[tuple[float, str]]) -> None:
    assert [(s.value, s.unit) for s in statements(text)] == expected


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        (GoldNumber(17338130, WON), "지난달 매출은 17,338,130원입니다.", True),
        (GoldNumber(17338130, WON), "지난달 매출은 17,338,131원입니다.", False),  # money is exact
        (GoldNumber(17338130, WON), "지난달 매출은 17,338,130건입니다.", False),  # another unit
        (GoldNumber(17338130, WON), "지난달 매출은 약 1,734만 원입니다.", False),
        (counted(321, "order"), "지난달 주문은 321건입니다.", True),
        (counted(321, "order"), "지난달 주문은 321명입니다.", False),
        (counted(321, "order", 358), "지난달 주문은 358건입니다.", True),  # the other reading
        (rate(1, 3), "매출의 33.3%입니다.", True),
        (rate(1, 3), "매출의 33.33%입니다.", True),
        (rate(1, 3), "매출의 33.4%입니다.", False),
        (rate(1, 3), "매출의 33%입니다.", False),  # too coarse
        (rate(1, 2), "매출의 50%입니다.", True),
        (mean(4.1449, "star"), "매출 상품의 평점은 4.1점입니다.", True),
        (mean(4.1449, "star"), "매출 상품의 평점은 4.15점입니다.", False),
    ],
)
def test_a_gold_number_must_be_stated(gold: GoldNumber, answer: str, right: bool) -> None:
    found = judged(stated([gold]), answer)
    assert found.right is right
    assert found.why == (() if right else ("a number is missing",))


def test_a_documents_number_counts_where_it_speaks_of_what_was_asked() -> None:
    gold, cited = Gold((GoldNumber(100, ()),), documents=("GET /a",)), [{"id": "GET /a", "kind": "doc"}]
    asked = {"question": "주문 목록 한 번에 몇 개까지?", "cited": cited}
    assert judged(gold, "주문 목록은 limit 최대 100입니다.", **asked).right
    assert judged(gold, "주문을 받는 법입니다.\n- limit: 100\n- offset: 8000", **asked).right
    assert not judged(gold, "날씨 안내입니다.\n- 습도: 100", **asked).right


def test_a_computed_number_counts_however_it_was_asked() -> None:
    answer = "2026년 6월 순매출은 14,081,650원입니다."
    assert judged(stated([GoldNumber(14081650, WON)]), answer, question="6월 장사 얼마나 됐나요?").right


def test_an_answer_that_says_two_things_of_one_is_wrong() -> None:
    gold = stated([counted(13, "order")])
    assert judged(gold, "취소 주문은 13건입니다.\n반품 주문은 9건입니다.").right
    found = judged(gold, "취소 주문은 13건입니다.\n취소 주문은 31건입니다.")
    assert not found.right and found.why == ("contradicts itself",)


def test_a_list_of_all_numbers_is_no_answer() -> None:
    every = " ".join(f"{n}건" for n in range(1, MOST_NUMBERS + 10))
    assert not judged(stated([counted(13, "order")]), f"지난달 주문: {every}").right


def test_names_must_all_be_said_and_either_spelling_will_do() -> None:
    gold = stated([], "시카 진정 세럼", "구매확정|confirmed")
    assert judged(gold, "시카진정세럼이고 confirmed 상태입니다.").right
    assert judged(gold, "시카 진정 세럼입니다.").why == ("a name is missing",)


def test_a_path_within_a_longer_path_is_not_said() -> None:
    gold = stated([], "/api/v2/admin/orders")
    assert judged(gold, "`GET /api/v2/admin/orders`를 부릅니다.").right
    assert judged(gold, "GET /api/v2/admin/orders를 부릅니다.").right
    assert judged(gold, "`GET /api/v2/admin/orders/{order_id}`를 부릅니다.").why == ("a name is missing",)


def test_a_refusal_is_right_only_where_nothing_answers() -> None:
    gold = stated([counted(1, "order")])
    refused = judged(gold, "답할 수 없습니다.", refused=True, cited=[])
    assert (refused.verdict, refused.over_refusal, refused.rank) == ("refused", True, 1)
    assert refused.numbers is None and refused.citation_recall is None
    assert judged(Gold(refuse=True), "답할 수 없습니다.", refused=True, cited=[]).right
    answered = judged(Gold(refuse=True), "300만 원입니다.")
    assert (answered.verdict, answered.under_refusal, answered.rank) == ("wrong", True, 0)


def test_citations_are_measured_against_the_gold() -> None:
    doc = Gold(documents=("GET /a|guide-a", "GET /b"), accepted=("resource-",))
    cited = [{"id": i, "kind": "doc"} for i in ("guide-a", "resource-x", "GET /z", "GET /y")]
    assert citations(doc, [*cited, {"id": "CRM_Concept:x", "kind": "graph"}]) == (0.5, 0.5)
    assert citations(doc, [{"id": f"CRM_ApiEndpoint:GET /{x}", "kind": "graph"} for x in "ab"]) == (None, 1.0)
    assert citations(stated([]), COMPUTED) == (1.0, 1.0)
    assert citations(stated([]), [{"id": "GET /z", "kind": "doc"}]) == (0.0, 0.0)
    assert citations(doc, []) == (None, 0.0)
    assert judged(stated([counted(3, "order")]), "주문 3건", cited=[]).why == ("a source is missing",)


def test_faithfulness_sees_numbers_and_words_that_the_material_lacks() -> None:
    material = "지난달(2026-09) 판매 주문은 321건이고 매출은 17,338,130원입니다. 배송은 평균 2.9일 걸렸습니다."
    assert faithful_numbers("판매 주문은 321건입니다. 매출은 1,733만 원쯤입니다.", material) == 0.5
    assert faithful_sentences("지난달 판매 주문은 321건입니다.", material) == 1.0
    made_up = "경쟁사들이 공격적인 할인 행사를 벌여 손님들이 떠났습니다."
    assert faithful_sentences(f"지난달 판매 주문은 321건입니다. {made_up}", material) == 0.5
    assert faithful_numbers("모르겠습니다.", material) is None and faithful_sentences("네.", material) is None


def test_units_of_counts_don_t_mix_people_and_orders() -> None:
    assert not set(UNITS["person"]) & set(UNITS["order"])
