"""A hand-made snapshot whose names are hostile, and a Slack that is strict."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.reports.slack_server import SlackServer

HOSTILE = "<script>alert('1')</script>\"><img src=x onerror=alert(2)> & <!channel> *굵게* `x` \u202e뒤집힘"
PHONE = "010-1234-5678"
MEMBER_KEY = "0123456789abcdef0123456789abcdef"


def made_finding(number: int, *, state: str = "confirmed", turn: int = 0, title: str = "") -> dict[str, Any]:
    return {
        "source": "patterns", "id": f"p{number:03d}", "state": state, "detector": "churn_signals",
        "kind": "cross_domain", "title": title or f"{number}번째 발견 '{HOSTILE}'", "summary": "요약 <b>",
        "action": "먼저 알리세요 & 살피세요", "effect": {
            "name": "repurchase_90d_difference", "unit": "points", "value": -0.21, "low": -0.33, "high": -0.1},
        "q": 0.001 * number, "n": 508, "discovered_at": "2026-10-31T00:00:00+00:00",
        "retracted_at": "2026-11-01T00:00:00+00:00" if state == "retracted" else "",
        "query": f"SELECT '{HOSTILE}' WHERE a < 3", "language": "sql", "turn": turn,
    }  # fmt: skip


def empty_snapshot() -> dict[str, Any]:
    """Of a mall of which nothing but an empty analysis is published."""
    gap = {"source": "clv", "title_ko": "생애 가치", "title_en": "Lifetime value", "status": "insufficient_data",
           "lacking": [{"what": "구매 고객", "have": 3, "needed": 30}]}  # fmt: skip
    late = {"source": "rfm", "title_ko": "RFM", "title_en": "RFM", "status": "not_built", "lacking": []}
    return {
        "shape": 1, "mall_id": "handmade", "currency": "KRW", "zone": "Asia/Seoul", "made_from": "x", "as_of": "",
        "sales": None, "churn": None, "segments": None, "clv": None, "stock": None, "cohorts": None,
        "campaigns": None, "findings": [], "patterns_by_status": {}, "gaps": [gap, late],
        "findings_changed": {"source": "patterns", "first": True, "as_of": "", "new": [], "moved": [],
                             "retracted": []},
        "quality": {"source": "lake", "rows": {"orders": 0}, "quarantined": 0, "reasons": [], "health": None},
        "digest": "0" * 32, "made_at": "2026-11-28T03:30:00+00:00",
    }  # fmt: skip


def full_sections() -> dict[str, Any]:
    """Every section with something in it, in the shapes that analyses publish."""
    months = [
        {
            "start": f"{2024 + n // 12}-{n % 12 + 1:02d}-01",
            "complete": n < 20,
            "revenue": 1_000_000.0 * (n % 5),
            "orders": 10 * n,
            "revenue_change": None if n == 0 else 0.1 * (n % 3 - 1),
            "revenue_change_year": None,
        }
        for n in range(21)
    ]
    last = {
        "month": "2025-08",
        "orders": 190,
        "buyers": 150,
        "new_buyers": 50,
        "returning_buyers": 100,
        "revenue": 14_381_880.0,
        "revenue_change": -0.134839,
        "revenue_change_year": 0.206541,
        "orders_change": -0.155689,
        "orders_change_year": None,
    }
    bands = [{"band": "높음", "from": 0.6667, "customers": 1800}, {"band": "낮음", "from": 0.0, "customers": 83}]
    segment = {"segment": "이탈 위험", "customers": 228, "revenue": 24_033_210.0, "action": f"묻고 {HOSTILE}"}
    coupon = {
        "name": HOSTILE,
        "issued": 12,
        "use_rate": 0.3,
        "lift": 0.2,
        "lift_low": 0.1,
        "lift_high": 0.3,
        "verdict": "효과 있음",
    }
    expected = {"value": 71_280_491.5, "low": 62_556_695.6, "high": 81_220_857.6}
    return {
        "sales": {"source": "sales_report", "last_full_month": last, "running_month": last, "months": months,
                  "last_full_week": {"start": "2025-08-25", "revenue_change": -0.006624}},
        "churn": {"source": "churn", "as_of": "2025-09-20", "customers": 2098, "horizon_days": 80,
                  "horizon_rule": "80일", "expected_churn": 0.88, "verdict": "", "bands": bands},
        "segments": {"source": "rfm", "customers": 2098, "segments": [segment]},
        "clv": {"source": "clv", "as_of": "2025-09-20", "model": "MBG/NBD", "customers": 2098,
                "customers_alive": 488.9, "expected_revenue_365": expected, "top_20_percent_share": 0.75,
                "holdout": {"days": 243, "total_error": 0.1223}},
        "cohorts": {"source": "cohorts", "cohorts": 2, "customers": 9, "rows": [
            {"cohort": "2025-07", "size": 5, "retention": [0.2, None]}, {"cohort": "2025-08", "size": 4,
             "retention": []}]},
        "campaigns": {"source": "campaign_response", "coupons": 3, "rows": [coupon, {**coupon, "lift": None}]},
        "quality": {"source": "lake", "rows": {"orders": 9}, "quarantined": 2,
                    "reasons": [{"reason": HOSTILE, "rows": 2}],
                    "health": {"score": 71.25, "alarm": "건강이 80보다 낮습니다", "build_id": "b1"}},
        "patterns_by_status": {"confirmed": 3, "tentative": 7},
    }  # fmt: skip


@pytest.fixture
def snapshot() -> Callable[..., dict[str, Any]]:
    """Makes a snapshot with hostile findings, a product that runs out, and what a test overrides."""

    def make(number: int = 3, /, **more: Any) -> dict[str, Any]:
        urgent = {"product_no": "1001", "product_name": f"{HOSTILE} {PHONE} {MEMBER_KEY}", "stock_quantity": 3,
                  "days_left": 2.4, "days_left_low": 1.0, "days_left_high": 6.2, "alert": "임박"}  # fmt: skip
        stock = {"source": "stock_alerts", "as_of": "2026-10-31", "products": 1, "with_stock_number": 1,
                 "alerts": {"임박": 1}, "suspected_stock_outs": [], "urgent": [urgent],
                 "urgent_total": 1}  # fmt: skip
        found = [made_finding(n) for n in range(1, number + 1)]
        return {**empty_snapshot(), "as_of": "2026-10-31", "findings": found, "stock": stock, **more}

    return make


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    server = SlackServer()
    yield server
    server.close()
