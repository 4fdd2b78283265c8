"""From chunks to documents: what the order rests on, and that it rests on content alone."""

import pytest

from cafe24_pipelines.knowledge.questions import Question
from cafe24_pipelines.knowledge.ranking import in_order
from cafe24_pipelines.names import API_DOCS, CRM_KNOWLEDGE
from cafe24_pipelines.stores.vectors import Hit

QUESTION = Question("쿠폰", ())
SIZES = {API_DOCS: 4000, CRM_KNOWLEDGE: 160}


def hit(document: str, score: float, *, said: str = "", kind: str = "endpoint", method: str = "", n: int = 0) -> Hit:
    payload = {"document_id": document, "said": said, "kind": kind, "method": method}
    return Hit(f"{document}-{said}-{n}", score, payload)


def order(sparse: list[Hit], dense: list[Hit], question: Question = QUESTION) -> list[str]:
    placed = in_order(question, [{API_DOCS: sparse}, {API_DOCS: dense}], SIZES)
    assert [p.score for p in placed] == sorted((p.score for p in placed), reverse=True)
    return [p.hit.payload["document_id"] for p in placed]


def test_a_document_needs_no_single_chunk_that_both_sides_find() -> None:
    sparse = [hit("a", 9, n=1), hit("b", 8), hit("c", 7)]
    dense = [hit("c", 0.9), hit("a", 0.8, n=2), hit("b", 0.1)]
    assert order(sparse, dense) == ["a", "c", "b"]


def test_how_far_ahead_a_hit_is_counts() -> None:
    dense = [hit("b", 0.5), hit("a", 0.49)]
    assert order([hit("a", 30), hit("b", 3)], dense)[0] == "a"


def test_what_people_say_for_a_document_helps_and_weighs_less_than_its_text() -> None:
    assert order([hit("a", 5, said="쿠폰 뿌리기"), hit("b", 5)], []) == ["b", "a"]
    both = [hit("a", 5), hit("a", 5, said="쿠폰 뿌리기"), hit("b", 5)]
    assert order(both, []) == ["a", "b"]


def test_collections_of_different_size_are_put_on_one_scale() -> None:
    article = hit("article", 6.0, kind="article")
    sides = [{API_DOCS: [hit("endpoint", 8.0)], CRM_KNOWLEDGE: [article]}, {}]
    assert in_order(QUESTION, sides, SIZES)[0].hit is article, "its IDF can't reach as high among fewer texts"
    assert in_order(QUESTION, sides, {API_DOCS: 160, CRM_KNOWLEDGE: 160})[0].hit is not article


def test_advice_and_calls_lean_to_their_collection() -> None:
    sides = [{API_DOCS: [hit("endpoint", 1.0)], CRM_KNOWLEDGE: [hit("article", 1.0, kind="article")]}, {}]
    same = {API_DOCS: 10, CRM_KNOWLEDGE: 10}
    first = {text: in_order(Question(text, ()), sides, same)[0] for text in ("왜 안 쓸까요", "쿠폰 API")}
    assert first["왜 안 쓸까요"].collection == CRM_KNOWLEDGE and first["쿠폰 API"].collection == API_DOCS


def test_the_wanted_method_decides_between_alike_endpoints() -> None:
    alike = [hit("GET x", 5, method="GET"), hit("POST x", 5, method="POST"), hit("DELETE x", 5, method="DELETE")]
    assert order(alike, [], Question("쿠폰 만들기", ()))[0] == "POST x"
    assert order(alike, [], Question("쿠폰 지우기", ()))[0] == "DELETE x"
    assert order(alike, [], Question("쿠폰", ())) == ["DELETE x", "GET x", "POST x"], "equal ones by id"


@pytest.mark.parametrize("scores", [[0.0, 0.0], [-0.2, -0.1]])
def test_hits_that_speak_against_a_document_don_t_count(scores: list[float]) -> None:
    assert order([], [hit("a", scores[0]), hit("b", scores[1])]) == []
