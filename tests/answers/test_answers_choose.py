"""A model may choose a query and fill its slots: a choice that doesn't hold is dropped, numbers are never its own."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from cafe24_pipelines.answers import gather
from cafe24_pipelines.answers.aggregates import AGGREGATES, Computed
from cafe24_pipelines.answers.choose import MAX_REPLY, choose_by_model, query_by_model
from cafe24_pipelines.answers.intents import route
from cafe24_pipelines.answers.llm import LanguageModel
from cafe24_pipelines.answers.model_queries import UNVERIFIED

QUESTION = "이번 달 상품이 손님 손에 얼마나 넘어갔지"
GOOD = {"aggregate": "units_sold", "because": ["상품이", "넘어갔지"], "slots": {"period": "이번 달"}}


def chosen(reply: Any) -> str | None:
    text = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)
    choice = choose_by_model(QUESTION, {"units_sold": AGGREGATES["units_sold"]}, {"vip", "세럼"}, lambda _: text)
    return choice.aggregate.key if choice else None


def test_a_choice_that_holds_is_taken() -> None:
    assert chosen(GOOD) == "units_sold"
    assert chosen(f"```json\n{json.dumps(GOOD, ensure_ascii=False)}\n```") == "units_sold"
    assert chosen({**GOOD, "slots": {"tier": "VIP"}}) == "units_sold"  # no word of the question, a name of the mall


@pytest.mark.parametrize(
    "reply",
    [
        "", "units_sold", "[]", "null", "매출은 5억입니다", {**GOOD, "aggregate": None},
        {**GOOD, "aggregate": "all_my_data"},
        {**GOOD, "aggregate": ["units_sold"]}, {**GOOD, "because": []}, {**GOOD, "because": ["없는 말"]},
        {**GOOD, "because": "상품이"}, {**GOOD, "slots": {"period": "작년"}},
        {**GOOD, "slots": {"product": "가짜 상품"}},
        {**GOOD, "slots": {"sql": "상품이"}}, {**GOOD, "slots": {"tier": 3}}, {**GOOD, "value": 12}, "{" * 10,
        json.dumps(GOOD) + " " * MAX_REPLY,
    ],
)  # fmt: skip
def test_a_choice_that_does_not_hold_is_dropped(reply: Any) -> None:
    assert chosen(reply) is None


def test_sql_comes_alone_or_not_at_all() -> None:
    assert query_by_model("q", "2026-10-31", lambda _: '{"sql": "SELECT 1"}') == "SELECT 1"
    for reply in ('{"sql": null}', '{"sql": "SELECT 1", "note": 1}', "SELECT 1", '{"sql": 5}', ""):
        assert query_by_model("q", "2026-10-31", lambda _, r=reply: r) is None


@dataclass
class Scripted:
    """Stands in for a model: replies in order, and remembers what it was asked."""

    replies: list[str]
    asked: list[Any] = field(default_factory=list)
    local: bool = False
    model: str = "test/scripted"

    def complete(self, messages: list[dict[str, str]], **_: Any) -> Any:
        self.asked.append(messages)
        return type("Reply", (), {"text": self.replies.pop(0)})()


def answered(small_shop: Any, question: str, root: Path, *replies: str) -> tuple[Any, Scripted]:
    model = Scripted(list(replies))
    shop = small_shop.services(root, llm=cast("LanguageModel", model))
    return gather.computed(route(question), shop), model


def test_a_models_statement_is_run_and_marked(small_shop: Any, tmp_path: Path) -> None:
    sql = json.dumps({"sql": "SELECT count(*) FROM orders JOIN members USING (member_no) WHERE tier <> 'VIP'"})
    found, model = answered(small_shop, "VIP 제외 주문 건수는?", tmp_path, sql)
    assert isinstance(found, Computed) and found.key == "free_query" and UNVERIFIED in found.text
    assert found.numbers[0].value > 0 and "SELECT" in found.numbers[0].query and len(model.asked) == 1


@pytest.mark.parametrize("sql", ["SELECT count(*) FROM read_csv('/etc/passwd')", "DROP TABLE orders", "SELECT 1"])
def test_a_models_bad_statement_leads_to_the_refusal(small_shop: Any, tmp_path: Path, sql: str) -> None:
    found, _ = answered(small_shop, "VIP 제외 주문 건수는?", tmp_path, json.dumps({"sql": sql}))
    assert not isinstance(found, Computed) and found is not None and found.rule == "unsupported_filter"


def test_what_the_library_knows_is_never_asked_of_a_model(small_shop: Any, tmp_path: Path) -> None:
    found, model = answered(small_shop, "올해 매출은?", tmp_path)
    assert isinstance(found, Computed) and found.key == "net_sales" and model.asked == []
