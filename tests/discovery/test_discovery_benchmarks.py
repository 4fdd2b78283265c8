"""Every published number can be computed again from the public data that it names."""

import os
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.benchmarks import BENCHMARKS, EARLY_REPEAT_GAP, REBUY_SHARE, REPEAT_SHARE, Case
from cafe24_pipelines.discovery.context import discovery_context
from cafe24_pipelines.discovery.detectors import order_density, product_scarcity, ratio_churn
from cafe24_pipelines.discovery.statistics import Estimate, bootstrap_ratio, wilson


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("CAFE24_TEST_DATA", "")
    if not folder:
        pytest.skip("set CAFE24_TEST_DATA to a folder with online_retail.csv.gz and cdnow_customers_summary.csv")
    return Path(folder)


def agrees(case: Case, estimate: Estimate, n: int, tolerance: float = 0.0001) -> None:
    assert case.n == n
    assert (case.value, case.low, case.high) == pytest.approx(tuple(estimate), abs=tolerance)


def test_cases_lie_in_their_intervals_and_nulls_hold_all_of_them() -> None:
    for benchmark in BENCHMARKS:
        low, high = benchmark.null()
        for case in benchmark.cases:
            assert low + benchmark.margin <= case.low < case.value < case.high <= high - benchmark.margin
            assert case.source in benchmark.cited()
            assert case.population in benchmark.cited()
    low, high = REPEAT_SHARE.null()
    assert REPEAT_SHARE.place(low - 0.01) == "공개 사례보다 낮음"
    assert REPEAT_SHARE.place(high + 0.01) == "공개 사례보다 높음"
    assert REPEAT_SHARE.place(low) == "공개 사례와 비슷함"


@pytest.mark.outside_data
def test_cdnow(data: Path) -> None:
    customers = pd.read_csv(data / "cdnow_customers_summary.csv")
    repeated = int((customers["frequency"] > 0).sum())
    agrees(REPEAT_SHARE.cases[0], wilson(repeated, len(customers)), len(customers))
    assert customers["T"].mean() * 7 == pytest.approx(ratio_churn.REPEAT_WINDOW, abs=3)


@pytest.mark.slow
@pytest.mark.outside_data
def test_online_retail(data: Path, shops: SimpleNamespace, tmp_path: Path) -> None:
    lake = shops.online_retail(data).land(tmp_path, "uci")
    with discovery_context(lake, shops.EmptyGraph(), Mall("uci", time_zone="UTC")) as context:
        first, again = ratio_churn.followed(context.sales, context.end)
        agrees(REPEAT_SHARE.cases[1], wilson(int(again.sum()), len(first)), len(first))
        rows = product_scarcity.rebuys(context)
        members = rows[rows["sale_no"] > 1].groupby("member")["again"]
        share = bootstrap_ratio(members.sum(), members.size(), context.rng("benchmark"))
        agrees(REBUY_SHARE.cases[0], share, len(members), tolerance=0.003)  # the interval is a bootstrap's
        early = order_density.early_and_later(context.sales, context.end)
        agrees(EARLY_REPEAT_GAP.cases[0], order_density.gap(early), len(early))
