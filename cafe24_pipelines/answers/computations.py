"""The aggregates that are computed in Python: RFM segments, one customer's history, single things, the split of a
change.

Each gives the same `Computed` as an aggregate in SQL. Does not belong here: what one SQL query can say.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.answers.aggregates import Aggregate, Computed, state
from cafe24_pipelines.answers.customer import history
from cafe24_pipelines.answers.decompose import decompose
from cafe24_pipelines.answers.records import coupon_facts, order_record, product_facts, review_record
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.answers.slots import Slots

Computation = Callable[[Aggregate, "Slots", "Services", "DuckDBPyConnection", dict[str, str]], Computed]


def _rfm_segments(
    aggregate: Aggregate, slots: "Slots", services: "Services", db: "DuckDBPyConnection", words: dict[str, str]
) -> Computed:
    from cafe24_pipelines.crm.rfm import rfm, rfm_segments

    frame = rfm_segments(rfm(services.lake, services.mall).table)
    rows = [
        {"name": str(name), "customers": int(n)} for name, n in zip(frame["segment"], frame["customers"], strict=True)
    ]
    query = f"cafe24 metrics rfm --json --mall {services.mall.mall_id}"
    return state(aggregate, rows, query, words, currency=slots.currency)


def _sales_decomposition(
    aggregate: Aggregate, slots: "Slots", services: "Services", db: "DuckDBPyConnection", words: dict[str, str]
) -> Computed:
    split = decompose(db, slots, services.patterns)
    if split is None:
        where = f"{slots.period.label} 또는 {slots.period_b.label}"
        what = f"'{aggregate.title}'{particle(aggregate.title, '을(를)')}"
        text = f"{where}에 판매가 없어 {what} 계산할 수 없습니다."
        return Computed(aggregate.key, aggregate.title, text, (), "", (), empty=True)
    query = split.numbers[0].query
    return Computed(aggregate.key, aggregate.title, "\n".join(split.lines), split.numbers, query, split.rows)


def _customer_history(
    aggregate: Aggregate, slots: "Slots", services: "Services", db: "DuckDBPyConnection", words: dict[str, str]
) -> Computed:
    lines, numbers, row, query = history(db, slots, services)
    return Computed(aggregate.key, aggregate.title, "\n".join(lines), tuple(numbers), query, (row,))


COMPUTATIONS: Final[dict[str, Computation]] = {
    "rfm_segments": _rfm_segments,
    "sales_decomposition": _sales_decomposition,
    "customer_history": _customer_history,
    "order_record": order_record,
    "review_record": review_record,
    "product_facts": product_facts,
    "coupon_facts": coupon_facts,
}
