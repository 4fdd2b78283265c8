"""What a generative model may add when the rules find no query: a choice from the library, or a checked statement.

Both are marked in the answer: which query was chosen, or that the statement is not verified. Nothing here runs for
the local composer. Does not belong here: the checks themselves (`choose.py`, `free_query.py`).
"""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers import aggregates
from cafe24_pipelines.answers.aggregates import Computed
from cafe24_pipelines.answers.choose import Ask, Choice, choose_by_model, query_by_model
from cafe24_pipelines.answers.figures import Number, plain, show
from cafe24_pipelines.answers.free_query import Rejected, run_free_query
from cafe24_pipelines.answers.words import leading_words, squeezed
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.answers.slots import Slots

_NAMES = """
SELECT category AS name FROM known_products UNION SELECT product_name FROM known_products
UNION SELECT group_name FROM customer_groups UNION SELECT region FROM customers"""
_MAX_CELL = 80
UNVERIFIED = (
    "[검증되지 않은 질의] 모델이 쓴 SQL을 읽기 전용으로 검사해 실행한 값입니다. "
    "질문의 뜻과 맞는지는 확인되지 않았습니다."
)


def asker(services: "Services") -> Ask | None:
    """The configured model as a function; None for the local composer."""
    if services.llm.local:
        return None
    return lambda messages: services.llm.complete(messages).text


def chosen(question: str, db: "DuckDBPyConnection", ask: Ask) -> Choice | None:
    """The model's choice from the library, when all of it can be checked."""
    names = {squeezed(row[0]) for row in db.sql(_NAMES).fetchall() if row[0]}
    return choose_by_model(question, aggregates.AGGREGATES, names, ask)


def accounts_for(choice: Choice, question: str, slots: "Slots") -> bool:
    """Whether the choice leaves no filter and no narrowing word of the question out of account."""
    usable = {*choice.aggregate.slots, *choice.aggregate.where}
    if not (slots.filters <= usable and slots.filters | {"resource", "scope"} >= set(choice.aggregate.slots)):
        return False
    known = (*slots.words().values(), *slots.said, *choice.because, *choice.slots.values())
    return not slots.unread and not leading_words(question, known)


def with_choice(result: Computed, choice: Choice) -> Computed:
    """The result with a sentence that says which query was chosen by a model."""
    said = ", ".join(f"‘{word}’" for word in choice.because)
    title = choice.aggregate.title
    note = (
        f"(모델이 질문의 {said}{particle(said, '을(를)')} 보고 검증된 질의 "
        f"'{title}'{particle(title, '을(를)')} 골랐습니다.)"
    )
    return replace(result, text=f"{result.text}\n{note}")


def free_answer(question: str, services: "Services", slots: "Slots", ask: Ask) -> Computed | None:
    """A model's own statement, checked and run; None when it gives none or the checks reject it."""
    sql = query_by_model(question, slots.coverage.as_of.isoformat(), ask)
    if sql is None:
        return None
    try:
        found = run_free_query(sql, services.lake, services.mall.time_zone)
    except Rejected:
        return None
    numbers: list[Number] = []
    lines = [UNVERIFIED]
    for row in found.rows:
        cells = [_cell(name, value, found.query, numbers) for name, value in zip(found.columns, row, strict=True)]
        lines.append("- " + ", ".join(cells))
    if not numbers:
        return None
    rows = tuple(dict(zip(found.columns, row, strict=True)) for row in found.rows)
    return Computed("free_query", "검증되지 않은 질의", "\n".join(lines), tuple(numbers), found.query, rows)


def _cell(name: str, value: Any, query: str, numbers: list[Number]) -> str:
    if isinstance(value, bool) or value is None or not isinstance(value, int | float | Decimal):
        return f"{name[:_MAX_CELL]}: {str(value)[:_MAX_CELL]}"
    number = Decimal(str(value))
    if not number.is_finite():
        return f"{name[:_MAX_CELL]}: 없음"
    kept = plain(round(number, 4))
    numbers.append(Number(kept, "", query))
    return f"{name[:_MAX_CELL]}: {show(kept, '', '')}"
