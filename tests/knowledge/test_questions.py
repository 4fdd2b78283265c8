"""Questions as people type them: errors, torn words, other names, talk around it; and what is left alone."""

import pytest

from cafe24_pipelines.knowledge.questions import Question, understand
from cafe24_pipelines.knowledge.spelling import Speller
from cafe24_pipelines.knowledge.tokens import tokenize

CORPUS = [
    "주문 목록 조회 등록 수정 삭제 상세",
    "쿠폰 발급 쿠폰 설정",
    "적립금 소멸 지급 내역",
    "장바구니 상품 재고 옵션",
    "회원 등급 고객 변경",
    "배송 송장 환불 반품 교환",
    "웹훅 알림 토큰 갱신 인증 엔드포인트 호출 한도",
    "후기 게시판 문의 답변",
    "member_id order_id GET POST",
    "관심상품 결제 매출 통계 정기 배송",
]


@pytest.fixture(scope="module")
def speller() -> Speller:
    return Speller({word: 1 for words in tokenize(CORPUS) for word in words})


def asked(text: str, speller: Speller) -> set[str]:
    question = understand(text, speller)
    return {*question.words, *question.also}


@pytest.mark.parametrize(("text", "meant"), [
    ("적림금을 주려면", {"적립금"}),
    ("쿠퐁 설졍", {"쿠폰", "설정"}),
    ("장바구늬에 담긴", {"장바구니"}),
    ("주문목룍 조회", {"주문", "목록"}),
    ("환 불 확인", {"환불"}),
    ("적 립 금 소 멸", {"적립금", "소멸"}),
    ("장바 구니 상품", {"장바구니"}),
    ("정긔배송 통계", {"정기", "배송"}),
    ("membr_id 조회", {"member_id"}),
])  # fmt: skip
def test_typing_errors_and_torn_words_find_the_word_that_was_meant(
    speller: Speller, text: str, meant: set[str]
) -> None:
    assert meant <= asked(text, speller)


@pytest.mark.parametrize("text", ["주문 목록 조회", "회원 등급을 변경하려면", "장바구니 상품", "크로와상 굽는 온도"])
def test_what_is_well_written_or_unknown_is_not_mended(speller: Speller, text: str) -> None:
    question = understand(text, speller)
    assert not [word for word, weight in question.also.items() if weight > 0.5]
    assert question.words == tuple(tokenize([text])[0])


@pytest.mark.parametrize(("text", "meant"), [
    ("webhook", "웹훅"), ("오더 리스트", "주문"), ("오더 리스트", "목록"), ("endpoint 주소", "엔드포인트"),
    ("refresh token", "갱신"), ("에이피아이 호출", "api"), ("제품 사진", "상품"), ("마일리지", "적립금"),
    ("택배", "배송"),    ("리뷰", "후기"), ("레이트 리밋", "한도"), ("에이치맥", "hmac"),
])  # fmt: skip
def test_other_names_join_the_documentations_word(speller: Speller, text: str, meant: str) -> None:
    question = understand(text, speller)
    assert meant in question.also and meant not in question.words


def test_a_name_that_the_corpus_lacks_passes_its_weight_on(speller: Speller) -> None:
    weights = {text: understand(text, speller).also["주문"] for text in ("오더", "order_id order")}
    assert weights["오더"] > weights["order_id order"], "one is nobody's word, the other stands in the corpus"


def test_talk_around_the_question_is_left_out(speller: Speller) -> None:
    polite = understand("안녕하세요 혹시 쿠폰 발급 좀 부탁드려요 감사합니다", speller)
    assert polite.words == ("쿠폰", "발급")
    assert understand("감사합니다", speller).words == ("감사",), "nothing else is said"


def test_a_pasted_page_is_searched_and_not_mended(speller: Speller) -> None:
    page = "쿠퐁" * 40_000 + " " + "a" * 40_000 + " 적림금 " + "가나다 " * 3_000
    assert "적립금" in asked(page, speller)


def test_paths_and_fields_are_taken_as_they_are(speller: Speller) -> None:
    question = understand("GET /api/v2/admin/ordres", speller)
    assert question.exact and not question.also


@pytest.mark.parametrize(("text", "method"), [
    ("쿠폰 만들려면", "POST"), ("상품을 지우고 싶어요", "DELETE"), ("배송지를 바꾸려면", "PUT"),
    ("적립금 내역", "GET"),    ("발급 내역 조회", "GET"), ("재고", ""),
])  # fmt: skip
def test_what_it_wants_to_do(text: str, method: str) -> None:
    assert Question(text, ()).method == method


def test_advice_is_told_from_calls() -> None:
    assert Question("쿠폰을 왜 안 쓸까요", ()).advice and not Question("쿠폰 목록", ()).advice
    assert Question("어떤 API를 호출하나요", ()).api and not Question("왜 이 API가 안 되나요", ()).advice
