"""The evidence page: methods in use and baselines marked, intervals, only confirmed patterns."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.evidence import written
from benchmarks.evidence_parts import Part, Row, _errors, _says
from cafe24_pipelines.discovery.statistics import Estimate


def pattern(status: str, title: str) -> SimpleNamespace:
    effect = SimpleNamespace(name="share", value=0.25, ci_low=0.2, ci_high=0.3)
    return SimpleNamespace(id=title, detector="d", status=status, title=title, effect=effect, q=0.01, n=1234)


def test_the_page_holds_what_was_found_and_nothing_else() -> None:
    less = {"old": Estimate(-0.1, -0.2, -0.05)}
    rows = [
        Row("AUC", "old", Estimate(0.7, 0.6, 0.8), {}, False, True),
        Row("AUC", "new", Estimate(0.8, 0.7, 0.9), less, True),
    ]
    parts = [Part("Churn", rows, ["A note."], {"churn-calibration": "<svg/>"})]
    page = written(parts, [pattern("confirmed", "a|b"), pattern("tentative", "[잠정] c")], "A shop.")
    assert "| Churn | AUC | old (baseline) | 0.7 (0.6 to 0.8) |  |" in page
    assert "| Churn | AUC | **new** | 0.8 (0.7 to 0.9) | old: -0.1 (-0.2 to -0.05) |" in page
    assert "![Churn: churn calibration](evidence/churn-calibration.svg)" in page
    assert "| a\\|b | `d` | share | 0.25 (0.2 to 0.3) | 0.01 | 1,234 |" in page
    assert "[잠정]" not in page and "1 confirmed, 1 tentative, 0 lacking data" in page


def test_errors_are_paired_and_the_verdict_follows_their_interval() -> None:
    rng = np.random.default_rng(1)
    actual = rng.poisson(2, 500).astype(float)
    good, own = actual + rng.normal(0, 1, 500), actual + rng.normal(0, 2, 500)
    rows = _errors("purchases", {"own past rate": own, "model": good}, actual, "model")
    by = {(row.measure.split(" error")[0], row.method): row for row in rows}
    absolute, squared = by["mean absolute", "model"], by["root mean squared", "model"]
    assert absolute.value.value == pytest.approx(np.abs(good - actual).mean())
    assert squared.value.value == pytest.approx(((good - actual) ** 2).mean() ** 0.5)
    gap = absolute.less["own past rate"]
    assert gap.value == pytest.approx(np.abs(good - actual).mean() - np.abs(own - actual).mean())
    assert (_says(gap), _says(Estimate(-gap.value, -gap.high, -gap.low))) == ("beats", "is worse than")
    assert _says(Estimate(0.1, -0.1, 0.3)) == "can't be told from"
    assert by["mean absolute", "own past rate"].baseline and absolute.used
