"""The question bank: enough questions, each answer checked by another way, the same every time."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.answers import aggregates, verified
from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.llm import LanguageModel
from cafe24_pipelines.answers.questions import Asked, questions
from cafe24_pipelines.answers.second_route import SECOND_ROUTES
from cafe24_pipelines.answers.verified import AnswerBook, VerifiedAnswer, verified_answers


@pytest.fixture(scope="module")
def answers(sandbox_services: Services) -> list[VerifiedAnswer]:
    return verified_answers(sandbox_services)


def test_there_are_enough_of_every_kind(answers: list[VerifiedAnswer]) -> None:
    kinds = Counter(a.kind for a in answers)
    assert len(answers) >= 100 and len({a.question for a in answers}) == len(answers)
    assert kinds["computed"] >= 60 and kinds["document"] >= 20 and kinds["pattern"] == 2 and kinds["refusal"] == 8
    by = Counter(a.verified_by for a in answers)
    assert by["second_route:pandas"] >= 35


def test_every_second_route_confirmed_its_aggregate(answers: list[VerifiedAnswer]) -> None:
    confirmed = {a.source_id for a in answers if a.verified_by == "second_route:pandas"}
    assert confirmed == set(SECOND_ROUTES)


def some_questions(monkeypatch: pytest.MonkeyPatch, wanted: Callable[[int, Asked], bool]) -> None:
    def fewer(services: Services, documents: list) -> list[Asked]:
        return [asked for i, asked in enumerate(questions(services, documents)) if wanted(i, asked)]

    monkeypatch.setattr(verified, "questions", fewer)


def test_the_same_lake_gives_the_same_answers(
    sandbox_services: Services, answers: list[VerifiedAnswer], monkeypatch: pytest.MonkeyPatch
) -> None:
    some_questions(monkeypatch, lambda i, _: i % 4 == 0)
    elsewhere = replace(sandbox_services, llm=LanguageModel("openai/some-model"))  # never asked: no cost, no chance
    again = verified_answers(elsewhere)
    assert len(again) >= 25 and [a for a in answers if a in again] == again


def test_a_wrong_query_is_found_out(
    made_mall: Callable[..., Services], monkeypatch: pytest.MonkeyPatch, rows: Any
) -> None:
    some_questions(monkeypatch, lambda _, asked: asked.question == "올해 매출은 얼마야?")
    cancelled = rows.order(2, "2026-02-10 10:00", "70", status="cancelled")
    shop = made_mall(orders=[rows.order(1, "2026-01-10 10:00", "100"), cancelled])
    assert [a.numbers[0]["value"] for a in verified_answers(shop)] == [100]
    wrong = dict(aggregates.AGGREGATES)
    wrong["net_sales"] = replace(wrong["net_sales"], sql=wrong["net_sales"].sql.replace("net_amount", "paid_amount"))
    monkeypatch.setattr(aggregates, "AGGREGATES", wrong, raising=False)
    assert verified_answers(shop) == []


def test_no_personal_datum_is_in_the_book(answers: list[VerifiedAnswer], sandbox_services: Services) -> None:
    keys = set(sandbox_services.lake.read("customers", ["member_key"]).column("member_key").to_pylist())
    text = "\n".join(a.answer + str(a.numbers) for a in answers)
    assert not [key for key in keys if key in text]


def test_the_book_publishes_once_and_reads_back(tmp_path: Path, answers: list[VerifiedAnswer]) -> None:
    book = AnswerBook(tmp_path)
    assert book.current("sandbox") == [] and book.digest("sandbox") == ""
    digest = book.publish("sandbox", answers)
    files: Any = sorted((tmp_path / "sandbox").rglob("*"))
    assert book.publish("sandbox", answers) == digest == book.digest("sandbox")
    assert sorted((tmp_path / "sandbox").rglob("*")) == files
    assert book.current("sandbox") == answers
    assert book.publish("sandbox", answers[1:]) != digest
    assert book.current("other") == []
