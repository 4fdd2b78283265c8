"""What a model may not say: numbers and paths that it was not given, however they are written."""

import pytest

from cafe24_pipelines.guard import unsupported_numbers, unsupported_paths

GIVEN = "순매출은 3,422,560원, 주문 72건, 취소율 2.63%. `GET /api/v2/admin/orders` 2026-09-01~2026-09-30"


@pytest.mark.parametrize(
    "text",
    [
        "순매출은 3,422,560원입니다.",
        "매출은 3422560 원",
        "약 342만 2560원",
        "72건의 주문, 취소율 2.63%입니다 [문서 1].",
        "1. 첫째로 72건\n2. 둘째로 2.63%",
        "2026-09-01부터 `/api/v2/admin/orders`를 씁니다.",
        "칠십이건",
        "숫자가 없는 답",
        "주문 72 건, 342만 2560 원",
    ],
)
def test_numbers_that_were_given_pass(text: str) -> None:
    assert unsupported_numbers(text, GIVEN) == []


@pytest.mark.parametrize(
    "text",
    [
        "순매출은 3,422,561원입니다.",
        "매출은 약 340만원입니다.",
        "취소율은 3%입니다.",
        "주문은 73건",
        "작년보다 두 배 늘었습니다.",
        "매출은 천만 원입니다.",
        "주문은 칠십삼건",
        "고객은 서른 명",
        "매출 5억",
        "0.0263",
        "순매출은 3,422,5609원입니다.",
        "매출은 만 원입니다.",
    ],
)
def test_other_numbers_are_caught(text: str) -> None:
    assert unsupported_numbers(text, GIVEN) != []


def test_paths_must_be_the_given_ones_with_their_method() -> None:
    assert unsupported_paths("GET /api/v2/admin/orders 를 부릅니다.", GIVEN) == []
    assert unsupported_paths("GET /api/v2/admin/salesorders 를 부릅니다.", GIVEN) == ["GET /api/v2/admin/salesorders"]
    assert unsupported_paths("DELETE /api/v2/admin/orders 를 부릅니다.", GIVEN) == ["DELETE /api/v2/admin/orders"]
