"""Tokens: Korean morphemes, paths and field names, the same for documents and questions."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from cafe24_pipelines.knowledge.tokens import names_only, token_id, tokenize


def tokens(text: str) -> list[str]:
    return list(tokenize([text])[0])


def test_particles_and_endings_fall_away_and_lemmas_meet() -> None:
    assert tokens("고객에게 쿠폰을 보냈습니다") == tokens("고객이 쿠폰으로 보내다가")
    assert "높이다" in tokens("재구매율을 높이려면")


def test_derived_nouns_are_kept_whole_and_in_parts() -> None:
    assert {"구매", "재구매", "구매율"} <= set(tokens("재구매율"))


@pytest.mark.parametrize(
    "text",
    [
        "/api/v2/admin/orders/{order_id}",
        "/api/v2/admin/orders/#{order_id}",
        "/API/v2/admin/orders/20260101-0000012/",
        "/api/v2/admin/orders/:order_id",
    ],
)
def test_a_path_is_one_token_whatever_stands_for_the_id(text: str) -> None:
    assert {"/api/v2/admin/orders/{}", "order"} <= set(tokens(text))


def test_method_and_path_are_one_token_too() -> None:
    found = tokens("GET /api/v2/admin/customers 를 부르면")
    assert {"get /api/v2/admin/customers", "/api/v2/admin/customers", "customer"} <= set(found)
    assert "get /api/v2/admin/customers" not in tokens("POST /api/v2/admin/customers")


@pytest.mark.parametrize("name", ["member_id", "memberId", "member-id", "MEMBER_ID"])
def test_field_names_are_kept_whole_and_split_in_every_spelling(name: str) -> None:
    assert tokens(f"{name}를 넘긴다")[:3] == ["member_id", "member", "id"]


def test_english_is_lower_case_and_singular_and_leaves_korean_alone() -> None:
    assert tokens("VIP고객 Orders") == ["vip", "order", "고객"]
    assert tokens("categories status address") == ["category", "status", "address"]
    assert "30" in tokens("30일 안에")


def test_ids_are_stable_across_processes() -> None:
    assert (token_id("회원"), token_id("member_id")) == (1524540316, 2557425153)
    assert all(0 <= token_id(str(i)) < 2**32 for i in range(1000))
    assert len({token_id(f"word{i}") for i in range(10_000)}) >= 9_998


def test_a_batch_answers_like_single_texts_in_order_from_many_threads() -> None:
    texts = [f"{i}번 고객의 주문 order_{i}" for i in range(60)] * 2
    single = [tokenize([text])[0] for text in texts]
    assert tokenize(texts) == single
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: tokenize([text + " 다시"])[0], texts)) == tokenize(
            [t + " 다시" for t in texts]
        )


def test_text_without_words_has_no_tokens() -> None:
    assert tokenize(["", " \n", "…!?", "// --"]) == [(), (), (), ()]
    assert tokenize([]) == []


def test_a_bare_name_is_told_from_a_question() -> None:
    assert names_only("GET /api/v2/admin/orders")
    assert names_only("member_id")
    assert names_only("memberId, order_id?")
    assert not names_only("member_id 는 무엇")
    assert not names_only("orders")
    assert not names_only("주문")
    assert not names_only("")


def test_neither_importing_nor_english_loads_the_model() -> None:
    code = (
        "import sys; from cafe24_pipelines.knowledge import chunks, encoder, index, search, tokens\n"
        "tokens.tokenize(['GET /api/v2/admin/orders'])\n"
        "heavy = {'kiwipiepy', 'sklearn', 'pandas', 'pyarrow', 'qdrant_edge', 'litellm'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
