"""Words near to mistyped ones: by letters, and only near ones."""

import pytest

from cafe24_pipelines.knowledge.spelling import Speller, letters

VOCABULARY = {
    "적립금": 40, "적립": 12, "쿠폰": 90, "장바구니": 30, "배송": 60, "환불": 25, "회원": 80, "회의": 1, "후기": 20,
    "member_id": 50, "order": 70, "webhook": 15, "VIP": 3, "a": 1, "값": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def speller() -> Speller:
    return Speller(VOCABULARY)


@pytest.mark.parametrize(("typed", "meant"), [
    ("적림금", "적립금"),  # another final consonant
    ("쿠포", "쿠폰"),  # one forgotten
    ("쿠퐁", "쿠폰"),
    ("장바구늬", "장바구니"),  # a vowel
    ("짱바구늬", "장바구니"),  # two letters of a long word
    ("베송", "배송"),
    ("환뿔", "환불"),
    ("membre_id", "member_id"),  # swapped neighbours
    ("webhok", "webhook"),
])  # fmt: skip
def test_a_word_some_letters_off_is_found(speller: Speller, typed: str, meant: str) -> None:
    found = speller.nearest(typed)
    assert found is not None and found[0] == meant


@pytest.mark.parametrize("typed", ["크로와상", "구두", "갤럭시", "모자", "값이", "ab", "orange", "memory"])
def test_what_is_near_to_nothing_stays(speller: Speller, typed: str) -> None:
    assert speller.nearest(typed) is None


def test_a_short_word_may_not_be_two_letters_off(speller: Speller) -> None:
    assert speller.nearest("코퐁") is None, "ㅋㅗㅍㅗㅇ is two letters from ㅋㅜㅍㅗㄴ"


def test_among_equally_near_words_the_more_frequent_is_meant() -> None:
    assert Speller({"회원": 2, "회의": 1}).nearest("회이") == ("회의", 1)
    assert Speller({"반품": 2, "반찬": 9}).nearest("반풍") == ("반품", 1)
    assert Speller({"주문": 2, "주민": 9}).nearest("주믄") == ("주민", 1)
    assert Speller({"주문": 9, "주민": 2}).nearest("주믄") == ("주문", 1)


def test_syllables_are_taken_apart() -> None:
    assert len(letters("값A")) == 4 and letters("A") == "a"
