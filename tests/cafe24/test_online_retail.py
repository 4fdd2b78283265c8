"""The whole public Online Retail data set, landed with the example's mapping: every line and penny."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from cafe24_pipelines.cafe24.landing import land_shop
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.settings import Home, Settings
from cafe24_pipelines.stores.lake import Lake

DATA = os.environ.get("CAFE24_TEST_DATA", "")
MAPPING = Path(__file__).parents[2] / "examples" / "online_retail" / "mapping.yaml"


@pytest.mark.outside_data
@pytest.mark.skipif(not DATA, reason="set CAFE24_TEST_DATA to the folder that holds online_retail.csv.gz")
def test_online_retail_reconciles_to_the_penny(tmp_path) -> None:
    home = Home(tmp_path)
    lake = Lake(home.lake).mall("online-retail")
    report = land_shop(Mall("online-retail", "csv", DATA, str(MAPPING)), lake, Settings(home=home))
    reconciliation = report.reconciliation
    assert reconciliation is not None and reconciliation.balanced
    (file,) = reconciliation.files
    assert (file.lines, file.records, file.landed, file.quarantined) == (541_910, 541_909, 541_907, 2)
    read = {f.name: f.read for f in reconciliation.figures}
    assert read == {
        "order lines": 541_909, "duplicate order lines": 5_268, "lines without a readable amount": 0,
        "amount": Decimal("9747747.934"), "invoices": 25_900, "known customers": 4_372, "guest lines": 135_080,
        "cancellation lines": 9_288,
    }  # fmt: skip
    sums = lake.query(
        "SELECT (SELECT sum(amount) FROM order_items) i, (SELECT sum(paid_amount) FROM orders) o"
    ).to_pylist()[0]
    held = lake.quarantined()
    assert sums["i"] == sums["o"] == Decimal("9769872.0540")
    assert sums["i"] + sum(held["amount"].to_pylist()) == Decimal("9747747.934")
    assert held["source_line"].to_pylist() == [299_985, 299_986]
    cheapest = lake.query("SELECT count(*) n FROM order_items WHERE unit_price = 0.001").to_pylist()[0]["n"]
    assert cheapest == 4
    span = lake.query("SELECT min(ordered_at) a, max(ordered_at) b FROM orders").to_pylist()[0]
    assert (span["a"].isoformat(), span["b"].isoformat()) == (
        "2010-12-01T08:26:00+00:00",
        "2011-12-09T12:50:00+00:00",
    )
