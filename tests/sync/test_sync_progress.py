"""What a run says while it is at work."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cafe24_pipelines.cafe24.sync.progress import Progress

Start = Callable[..., Any]


def test_a_line_about_every_ten_seconds_tells_of_all_walks_at_work() -> None:
    now, said = [0.0], []
    progress = Progress(said.append, timedelta(seconds=10), ticks=lambda: now[0])
    progress.at("orders", 30, 720, "days")
    now[0] = 9.9
    progress.at("carts_action", 1, 180, "days")
    assert said == []
    now[0] = 10.1
    progress.at("carts_action", 90, 180, "days")
    assert said == ["orders 30/720 days, carts_action 90/180 days"]
    progress.over("orders")
    progress.at("customers_privacy", 12_000, 0, "members")
    now[0] = 25.0
    progress.at("carts_action", 100, 180, "days")
    assert said[1:] == ["carts_action 100/180 days, customers_privacy 12,000 members"]
    progress.at("articles 1/4", 7, 9, "days")
    progress.over("articles")
    now[0] = 40.0
    progress.at("carts_action", 180, 180, "days")
    assert "articles" not in said[-1]


def test_a_sync_says_how_far_each_walk_is(rig: Start) -> None:
    said: list[str] = []
    names = ["orders", "carts_action", "visitors_view", "products", "carts", "customers_privacy", "coupons",
             "coupon_issues"]  # fmt: skip
    mall = rig()
    mall.sync(names, tuning={"tell_every": 0, "reports": 12, "carts": 10}, progress=said.append)
    parts = {part for line in said for part in line.split(", ")}
    assert {"carts_action 1/12 days", "carts_action 12/12 days", "visitors_view 12/12 days"} <= parts
    assert "carts 9/10 lists" in parts
    assert any(part.startswith("orders ") and part.endswith(" days") for part in parts)
    assert any(part.startswith("coupon_issues ") and part.endswith(" coupons") for part in parts)
    quiet: list[str] = []
    mall.sync(names, tuning={"tell_every": 1, "reports": 12, "carts": 10}, progress=quiet.append)
    assert not any("/" in line for line in quiet), "once a day at most: nothing to tell before"
