"""Near-equal texts: exactly the pairs that comparing all with all would find."""

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cafe24_pipelines.finetune import likeness
from cafe24_pipelines.finetune.likeness import jaccard, near_pairs, normalise, shingles

TEXTS = st.lists(st.text("가나다 ab", max_size=14), max_size=14)


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_pairs_are_those_of_comparing_all_with_all(texts, threshold):
    sets = [shingles(t) for t in texts]
    slow = {(a, b) for a, b in combinations(range(len(sets)), 2) if jaccard(sets[a], sets[b]) >= threshold}
    found = list(near_pairs(sets, threshold))
    assert set(found) == slow and len(found) == len(slow)


@pytest.mark.parametrize(
    ("one", "two"),
    [("ＡＰＩ 조회", "api 조회"), ("매출은  얼마?", "매출은 얼마"), ("주문\n목록.", "주문 목록")],
)
def test_width_case_space_and_final_punctuation_do_not_matter(one, two):
    assert normalise(one) == normalise(two) and jaccard(shingles(one), shingles(two)) == 1


def test_short_texts_are_compared_too():
    assert shingles("가") == {"가"} and shingles("") == {""}
    assert jaccard(shingles("가"), shingles("나")) == 0


def test_few_pairs_of_templated_texts_are_compared(monkeypatch):
    words = [
        f"{a}{b}"
        for a in "주문회원상품쿠폰후기재고배송적립문의분류"
        for b in "목록조회등록수정삭제집계통계이력알림설정"
    ]
    texts = [
        f"카페24에서 '{w} {v}' 하려면 어떤 API를 쓰나요? {n}번"
        for n, (w, v) in enumerate(zip(words * 8, words[::-1] * 8, strict=True))
    ]
    compared = []
    monkeypatch.setattr(likeness, "jaccard", lambda one, two: compared.append(None) or jaccard(one, two))
    sets = [shingles(t) for t in texts[:3000]]
    list(near_pairs(sets))
    assert 0 < len(compared) < 0.1 * math.comb(len(sets), 2)
