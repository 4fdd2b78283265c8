"""The priors of partial pooling can be fitted again from the public data that they name."""

import os
from math import exp
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.crm.lifetime import gamma_gamma
from cafe24_pipelines.crm.lifetime.bgnbd import MODELS, histories
from cafe24_pipelines.crm.lifetime.buyers import ledger
from cafe24_pipelines.crm.lifetime.estimate import Fitted
from cafe24_pipelines.crm.lifetime.pooling import BETWEEN, SHOPS, prior
from cafe24_pipelines.crm.shop import frames


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("CAFE24_TEST_DATA", "")
    if not folder:
        pytest.skip("set CAFE24_TEST_DATA to a folder with online_retail.csv.gz and cdnow_customers_summary.csv")
    return Path(folder)


def agrees(shop: str, model: str, found: Fitted, *, unit: float = 1.0) -> None:
    assert found.converged
    values, errors = np.exp(found.log), np.sqrt(np.diag(found.covariance))
    if unit != 1.0:
        values = values * np.array([1.0, unit, 1.0, 1.0])
    for value, error, (known, its_error) in zip(values, errors, SHOPS[model][shop], strict=True):
        assert known == pytest.approx(value, rel=2e-2 if its_error > 1 else 1e-3)
        assert its_error == pytest.approx(error, rel=0.02, abs=0.001)


@pytest.mark.outside_data
def test_cdnow(data: Path) -> None:
    found = pd.read_csv(data / "cdnow_customers_summary.csv")
    for model in MODELS:
        agrees("CDNOW", model.name, model.fit(histories(found["frequency"], found["recency"], found["T"])), unit=7)


@pytest.mark.outside_data
def test_online_retail(data: Path) -> None:
    raw = pd.read_csv(data / "online_retail.csv.gz", dtype={"InvoiceNo": str, "CustomerID": str})
    raw["ordered_at"] = pd.to_datetime(raw["InvoiceDate"], utc=True)
    raw["paid_amount"] = raw["Quantity"] * raw["UnitPrice"]
    orders = raw.groupby("InvoiceNo").agg(
        member_key=("CustomerID", "first"), ordered_at=("ordered_at", "min"), paid_amount=("paid_amount", "sum")
    )
    orders = orders.reset_index(names="order_id")
    orders["status"] = np.where(orders["order_id"].str.startswith("C"), "returned", "confirmed")
    with ledger(frames(orders=orders), zone="UTC") as book:
        buyers = book.buyers(book.last)
    assert (len(buyers), book.days) == (4339, 374)
    for model in MODELS:
        times = (buyers["last_day"] - buyers["first_day"], book.last - buyers["first_day"])
        agrees("Online Retail", model.name, model.fit(histories(buyers["x"], *times)))
    again = buyers[(buyers["x"] > 0) & (buyers["value"] > 0)]
    agrees("Online Retail", "Gamma-Gamma", gamma_gamma.fit(again["x"], again["value"]))


def test_a_prior_lies_between_its_shops_and_is_wider_than_shops_differ() -> None:
    for model, shops in SHOPS.items():
        found = prior(model)
        for centre, spread, known in zip(found.centre, found.spread, zip(*shops.values(), strict=True), strict=True):
            values = [value for value, _ in known]
            assert min(values) < exp(centre) < max(values)
            assert spread > BETWEEN
