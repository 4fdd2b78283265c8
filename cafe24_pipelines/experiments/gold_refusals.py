"""Questions that nothing in the mall's data or the documentation answers: the right answer is a refusal.

Does not belong here: how the answering room recognises them.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.experiments.data_files import yaml_file
from cafe24_pipelines.experiments.gold import Case, Gold, families
from cafe24_pipelines.experiments.raw import Raw, gold_case

if TYPE_CHECKING:
    from random import Random

REASONS: Final = (
    "no_such_data", "personal_data", "writes", "forecasts", "outside_the_data", "nothing_by_that_name",
    "no_such_api", "other_topics", "other_malls", "injected",
)  # fmt: skip


def _refused(reason: str, raw: Raw, draw: "Random") -> Iterator[Case]:
    members = sorted(raw.sales["member_key"].dropna().unique())[:200]
    fill = {
        "product": raw.products["product_name"].sort_values().tolist() or ["신상품"],
        "member": members or ["0"],
        "order": raw.orders["order_id"].tail(200).tolist(),
        "month": [p.phrase for p in raw.months] or ["지난달"],
    }
    years = {"next_year": str(raw.today.year + 2), "before": str(raw.first_day.year - 5)}
    for text in yaml_file("unanswerable.yaml")[reason]:
        slots = {name: str(draw.choice(values)) for name, values in fill.items()} | years
        yield gold_case(Gold(refuse=True), ask=text.format(**slots))


FAMILIES: Final = families({f"no_{reason}": partial(_refused, reason) for reason in REASONS})
