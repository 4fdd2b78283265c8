"""The evaluation set is sound and kept in two halves; its metrics are right by hand and by brute force."""

import itertools
import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import retrieval_parts as parts
from cafe24_pipelines.discovery.statistics import sign_test
from cafe24_pipelines.knowledge.documents import Document, load_documents
from cafe24_pipelines.knowledge.evaluation import (
    ANSWER,
    DEPTH,
    HALVES,
    HELPS,
    KINDS,
    METRICS,
    Question,
    compare,
    evaluate,
    load_questions,
    metrics,
)
from cafe24_pipelines.ontology.model import load_domain

QUESTIONS = load_questions()
BY_HALF = {half: [q for q in QUESTIONS if q.half == half] for half in HALVES}


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return {document.document_id: document for document in load_documents()}


# -- the questions -----------------------------------------------------------------------------------------------


def test_every_target_exists_and_the_collection_is_that_of_the_answers(documents: dict[str, Document]) -> None:
    for q in QUESTIONS:
        assert q.answers, q
        assert set(q.grades) <= set(documents), q
        assert set(q.grades.values()) <= {ANSWER, HELPS}
        assert q.collection in {documents[answer].collection for answer in q.answers}, q


def test_there_are_enough_of_each_kind_in_each_half() -> None:
    assert len(QUESTIONS) >= 360
    assert len({q.question_id for q in QUESTIONS}) == len(QUESTIONS)
    for half, questions in BY_HALF.items():
        kinds = Counter(q.kind for q in questions)
        assert set(kinds) == set(KINDS), half
        assert min(kinds.values()) >= 20, (half, kinds)
        assert kinds["colloquial"] >= 0.25 * len(questions)


def test_no_document_is_an_answer_in_both_halves_and_all_prose_is_asked_for(documents: dict[str, Document]) -> None:
    answers = {half: {answer for q in questions for answer in q.answers} for half, questions in BY_HALF.items()}
    assert not answers["tuned"] & answers["heldout"]
    prose = {name for name, document in documents.items() if document.kind in ("guide", "article")}
    assert prose <= answers["tuned"] | answers["heldout"]
    resources = {documents[a].resource for a in answers["tuned"] | answers["heldout"] if documents[a].resource}
    assert len(resources) >= 110


def test_no_question_is_asked_twice_nor_nearly_so_in_the_other_half() -> None:
    texts = Counter(_squeezed(q.text) for q in QUESTIONS)
    assert max(texts.values()) == 1, texts.most_common(1)
    grams = {half: {q.text: _grams(q.text) for q in questions} for half, questions in BY_HALF.items()}
    near = [
        (a, b)
        for (a, one), (b, other) in itertools.product(grams["tuned"].items(), grams["heldout"].items())
        if _alike(one, other) > 0.55
    ]
    assert not near, near


def test_hardly_a_question_copies_a_title_and_the_ontology_was_not_fed_the_heldout_half(
    documents: dict[str, Document],
) -> None:
    titles = {_squeezed(title) for d in documents.values() for title in (d.title, d.title.partition(" (")[0])}
    copied = [q.text for q in QUESTIONS if _squeezed(q.text) in titles]
    assert len(copied) <= 0.03 * len(QUESTIONS), copied
    said = [_grams(text) for task in load_domain().tasks.values() for text in (task.ko, *task.says)]
    asked = {q.text: _grams(q.text) for q in BY_HALF["heldout"]}
    fed = [text for text, one in asked.items() if any(_alike(one, other) > 0.7 for other in said)]
    assert len(fed) <= 0.03 * len(asked), fed


def _squeezed(text: str) -> str:
    return re.sub(r"\W", "", text.lower())


def _grams(text: str) -> set[str]:
    squeezed = _squeezed(text)
    return {squeezed[i : i + 2] for i in range(len(squeezed) - 1)}


def _alike(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(len(one | other), 1)


# -- the metrics -------------------------------------------------------------------------------------------------


def question(name: str, **grades: int) -> Question:
    return Question(name, "tuned", "concept", "c", name, grades)


def test_a_ranking_by_hand() -> None:
    found = metrics(["x", "h", "a", "y", "b"], {"a": ANSWER, "b": ANSWER, "h": HELPS})
    assert (found["hit@1"], found["hit@5"], found["hit@10"]) == (0, 1, 1)
    assert found["mrr@10"] == pytest.approx(1 / 3)
    gained = 1 / math.log2(3) + 3 / math.log2(4) + 3 / math.log2(6)
    assert found["ndcg@10"] == pytest.approx(gained / (3 + 3 / math.log2(3) + 1 / math.log2(4)))
    assert metrics([], {"a": ANSWER}) == dict.fromkeys(METRICS, 0.0)
    assert metrics(["a"], {"a": ANSWER}) == dict.fromkeys(METRICS, 1.0)
    eleventh = metrics([f"x{i}" for i in range(10)] + ["a"], {"a": ANSWER})
    assert eleventh == dict.fromkeys(METRICS, 0.0)


def brute_force(found: Sequence[str], grades: dict[str, int]) -> dict[str, float]:
    """Ranks counted from the document's side, and the ideal order by trying every one."""
    places = {document: place for place, document in enumerate(found)}
    first = min((places[d] for d, grade in grades.items() if grade == ANSWER and d in places), default=99)
    gain = {ANSWER: 3.0, HELPS: 1.0}

    def worth(order: Sequence[str]) -> float:
        return sum(gain.get(grades.get(d, 0), 0.0) * math.log(2) / math.log(i + 2) for i, d in enumerate(order[:10]))

    best = max(worth(order) for order in itertools.permutations(grades))
    return {
        "hit@1": float(first == 0), "hit@5": float(first < 5), "hit@10": float(first < 10),
        "mrr@10": 1 / (first + 1) if first < 10 else 0.0, "ndcg@10": worth(found) / best,
    }  # fmt: skip


def test_metrics_agree_with_brute_force_on_random_rankings() -> None:
    chance = random.Random(0)
    for _ in range(300):
        pool = [f"d{i}" for i in range(14)]
        graded = chance.sample(pool, chance.randint(1, 5))
        grades = dict(zip(graded, [ANSWER, *chance.choices([ANSWER, HELPS], k=4)], strict=False))
        found = chance.sample(pool, chance.randint(0, DEPTH))
        assert metrics(found, grades) == pytest.approx(brute_force(found, grades))


def test_a_retriever_is_a_function_and_a_document_that_comes_twice_counts_once() -> None:
    asked = []

    def search(text: str, limit: int) -> list[str]:
        asked.append((text, limit))
        return {"one": ["x", "x", "a"], "two": ["a"]}[text]

    scored = evaluate(search, [question("one", a=ANSWER), question("two", a=ANSWER)])
    assert asked == [("one", DEPTH), ("two", DEPTH)]
    assert scored.values["mrr@10"] == (0.5, 1.0)
    assert scored.where(lambda q: q.text == "two").values["hit@1"] == (1.0,)


def test_intervals_are_seeded_bootstraps_of_the_mean() -> None:
    questions = [question(str(i), a=ANSWER) for i in range(100)]
    scored = evaluate(lambda text, _: ["a"] if int(text) < 60 else [], questions)
    found = scored.estimates(seed=1)
    assert found == scored.estimates(seed=1)
    value, low, high = found["hit@1"]
    assert value == pytest.approx(0.6)
    assert (low, high) == pytest.approx((0.6 - 1.96 * 0.049, 0.6 + 1.96 * 0.049), abs=0.02)


def test_the_comparison_is_paired_and_exact() -> None:
    assert sign_test(0, 0) == 1.0
    assert sign_test(8, 1) == sign_test(1, 8) == pytest.approx(2 * (1 + 9) / 2**9)
    questions = [question(str(i), a=ANSWER) for i in range(20)]
    better = evaluate(lambda text, _: ["a"] if int(text) < 15 else [], questions)
    worse = evaluate(lambda text, _: ["a"] if int(text) % 2 else ["x", "a"], questions)
    found = compare(better, worse)
    wins = [i for i in range(15) if i % 2 == 0]
    losses = [i for i in range(15, 20) if i % 2]
    assert (found.only_first, found.only_second) == (len(wins), len(losses))
    assert found.p == sign_test(len(wins), len(losses))
    differences = [b - w for b, w in zip(better.values["ndcg@10"], worse.values["ndcg@10"], strict=True)]
    assert found.ndcg.value == pytest.approx(sum(differences) / 20)
    assert found.ndcg.low < found.ndcg.value < found.ndcg.high
    assert compare(better, better).ndcg == (0, 0, 0)
    with pytest.raises(ValueError, match="same questions"):
        compare(better, better.where(lambda q: q.text != "3"))


# -- the retrievers it is compared with ---------------------------------------------------------------------------


def test_the_bm25_of_the_benchmark_by_hand_and_a_document_has_its_best_chunk() -> None:
    texts = ["쿠폰 발급", "쿠폰 (쿠폰) 목록, API", "주문 목록", "적립금"]
    given = parts.Corpus(texts, ["a", "a", "b", "c"])
    assert parts.whitespace(["쿠폰 (쿠폰) 목록, API"]) == [["쿠폰", "쿠폰", "목록", "api"]]

    def weight(count: int, length: int, having: int) -> float:
        idf = math.log(1 + (4 - having + 0.5) / (having + 0.5))
        return idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / (9 / 4)))

    first = max(weight(1, 2, 2), weight(2, 4, 2) + weight(1, 4, 2))
    second = weight(1, 2, 2) + weight(1, 2, 1)
    assert second > first
    assert parts.bm25(given, parts.whitespace)("주문 목록 쿠폰 쿠폰", 5) == ["b", "a"]
    assert parts.bm25(given, parts.whitespace)("쿠폰 목록", 1) == ["a"]
    assert parts.bm25(given, parts.whitespace)("없는말", 5) == []
    assert parts.ngrams(given)("쿠폰목록", 1) == ["a"]


# -- the floor ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_on_the_heldout_half_ours_is_not_worse_than_words_between_blanks(tmp_path: Path) -> None:
    ours = evaluate(parts.hybrid(parts.publish(tmp_path)), BY_HALF["heldout"])
    words = evaluate(parts.bm25(parts.corpus(), parts.whitespace), BY_HALF["heldout"])
    found = compare(ours, words)
    assert found.ndcg.low > 0, found
    assert found.only_first > found.only_second, found
