"""What happens in the simulated week: a script of events with times, and the small world that they happen in.

The mall is the sandbox's, behind its server, whose clock is set at every step; its orders, members and reviews come
by themselves. The script adds what a week may bring. Does not belong here: ticks and runs (`week_drive.py`).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from unittest import mock
from zoneinfo import ZoneInfo

from benchmarks import loopback
from benchmarks.week_clock import DrivenClock
from cafe24_pipelines.names import SANDBOX_MALL, SEOUL

MALL: Final = SANDBOX_MALL
ZONE: Final = ZoneInfo(SEOUL)
SUNDAY: Final = datetime(2026, 10, 25, tzinfo=ZONE)
"""The last day, whose 10:00 has the retrospective; the mall's own history goes on to the end of the month."""
SCOPES: Final = tuple(
    f"mall.read_{area}"
    for area in (
        "store",
        "application",
        "category",
        "product",
        "order",
        "customer",
        "privacy",
        "community",
        "promotion",
    )
)
"""What the operator consents to. Left out: carts and wish lists (a call a product and member), points, sales reports
and analytics, which are most of a small mall's calls and change nothing of what the week is about."""
KEY: Final = "the-week's-webhook-key"
_PAGE: Final = """<!doctype html><html lang="ko"><head><title>이커머스 리포트</title>
<meta property="article:published_time" content="{day}"></head><body><article><h1>이커머스 리포트</h1>{body}</article>
</body></html>"""
_DOCS: Final = """<!doctype html><html lang=ko><head><meta charset=utf-8><title>Admin API</title></head><body>
<input type=hidden id=cur_version data-doctype=admin data-lang=ko data-version=2026-03-01>
<h1 id=order>Order</h1>
<section id="" class="endpoint title"><div class=description><h2 id=orders>Orders</h2><p>주문</p></div></section>
<section id="" class="endpoint method"><h3 data-text="Count the orders">Count the orders</h3>
<div class=endpoint-desc><p class=link><span class="toc-method GET ">GET </span>/api/v2/admin/orders/count</p></div>
<h6>GET</h6><p>주문을 셉니다. 이번 주에 고친 설명입니다.</p><table><tr><th>Property</th><th>Description</th></tr>
<tr><td>SCOPE</td><td>주문 읽기권한 (mall.read_order)</td></tr></table></section></body></html>"""


@dataclass(frozen=True)
class Happening:
    """One event of the script; `wakes` names what must fire at the next tick because of it."""

    at: datetime
    what: str
    do: Callable[["World"], None]
    wakes: tuple[str, ...] = ()


class Site:
    """A web site on loopback: pages by path, as they are now."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.url = ""

    def report(self, day: str, *sentences: str) -> None:
        """Publish the research page."""
        self.pages["/report"] = _PAGE.format(day=day, body="".join(f"<p>{s}</p>" for s in sentences))


@contextmanager
def _web_site() -> Iterator[Site]:
    """The site while it is served."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = site.pages.get(self.path)
            body = (text or "none").encode()
            self.send_response(200 if text else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with loopback.handled(Handler) as httpd:
        site.url = f"http://127.0.0.1:{httpd.server_port}"
        yield site


class World:
    """A home, a living mall, a web site and our own receiver of webhooks."""

    def __init__(self, home: Path, mall: Any, control: Any, site: Site, clock: DrivenClock) -> None:
        from cafe24_pipelines.parts import event_log
        from cafe24_pipelines.settings import Settings

        self.home, self.mall, self.control, self.site, self.clock = home, mall, control, site, clock
        self.settings = Settings.from_env()
        self.log = event_log(self.settings)
        self.posted: list[tuple[str, str]] = []
        self.by_hand: list[tuple[str, str | None]] = []

    def put(self, name: str, payload: dict[str, Any], key: str) -> None:
        """Put an event into the inbox, twice: the second must change nothing."""
        from cafe24_pipelines.inbox.post import post

        for _ in range(2):
            receipt = post(self.log, MALL, name, payload, key=key, now=self.clock.now())
        self.posted.append((name, receipt.event_id))

    def launch(self, job: str, partition: str | None) -> None:
        """A person launches a job."""
        self.by_hand.append((job, partition))


def install(world: World) -> None:
    """The operator consents: tokens are kept, and the callback's two events are in the inbox."""
    from cafe24_pipelines.cafe24.admin_api.oauth import token_set
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper

    pair = token_set(world.control.grant(SCOPES), world.clock.time())
    token_keeper(world.settings, MALL).install(pair)
    world.put("oauth.authorized", {"scopes": sorted(pair.scopes), "asked": sorted(pair.scopes)}, "consent")
    world.put("app.installed", {"via": "consent"}, "install")


def feedback(count: int, name: str) -> Callable[[World], None]:
    """So many verdicts on answers."""

    def do(world: World) -> None:
        verdicts = ("positive", "negative", "correction")
        for n in range(count):
            payload = {"answer_id": f"{name}-{n}", "verdict": verdicts[n % 3], "arm": "ontology",
                       "question": "지난달 매출은 얼마인가요?" if n % 2 else "주문 목록을 조회하는 API는?",
                       "text": "숫자가 다릅니다" if n % 3 else ""}  # fmt: skip
            world.put("feedback.received", payload, f"{name}-{n}")

    return do


def code_request(world: World) -> None:
    """Somebody asks for code."""
    world.put("generate.requested", {"question": "최근 일주일 주문을 모두 조회하는 코드", "execute": False}, "code-1")


def stock_ends(world: World) -> None:
    """What is in stock of three variants is sold out."""
    for row in world.mall.rows("variants", world.clock.now(), limit=3):
        world.control.override("variants", str(row["variant_code"]), {"quantity": 0})


def coupon_runs(world: World) -> None:
    """A coupon like the mall's latest begins."""
    rows = world.mall.rows("coupons", world.clock.now())
    world.control.add_row("coupons", {**rows[-1], "coupon_no": "9900000000000000001", "coupon_name": "주간 쿠폰"})


def page_changes(world: World) -> None:
    """The research page says other numbers."""
    world.site.report("2026-10-21", "국내 온라인 쇼핑몰의 평균 재구매율은 31.0%입니다.", "평균 반품률은 9.1%입니다.")


def docs_change(world: World) -> None:
    """The documentation is another one from now on."""
    world.site.pages["/docs"] = _DOCS
    os.environ["CAFE24_API_DOCS"] = f"{world.site.url}/docs"


def api_down(world: World) -> None:
    """The Admin API answers 5xx to everything."""
    world.control.faults(error_rate=1.0, oauth_error_rate=1.0)


def api_up(world: World) -> None:
    """It answers again."""
    world.control.faults()


def question_set(world: World) -> None:
    """A person makes the question set, so that the arms have something to answer."""
    world.launch("comparison_report", MALL)


def plan(name: str) -> Callable[[World], None]:
    """The mall's plan is another one."""
    return lambda world: world.put("plan.changed", {"plan": name}, f"plan-{name}")


def left(world: World) -> None:
    """The plan is cancelled: the app is removed from the mall, and Cafe24 tells so."""
    import httpx

    world.control.tokens("forget_all")
    body = {"event_no": 90077, "resource": {"mall_id": MALL, "client_id": "sandbox-client"}}
    with httpx.Client(trust_env=False) as http:
        for _ in range(2):  # it comes twice
            http.post(f"{os.environ['WEEK_APP']}/webhooks/cafe24", json=body, headers={"X-API-Key": KEY})


SCRIPT: Final[tuple[tuple[int, int | None, str, str, Callable[[World], None], tuple[str, ...]], ...]] = (
    # day of seven, day of two (None: left out), time, what happens, how, what it wakes
    (0, 0, "00:10", "the mall installs the app", install, ("user_onboarding", "oauth_start")),
    (0, None, "10:10", "a person makes the question set", question_set,
     ("ab_a_baseline", "ab_b_rag_only", "ab_c_ontology_plus")),
    (0, 0, "13:20", "three verdicts on answers", feedback(3, "first"), ("learning_loop",)),
    (0, 0, "13:40", "code is asked for", code_request, ("code_generator",)),
    (1, 0, "08:40", "three variants sell out", stock_ends, ()),
    (1, 0, "12:20", "a coupon begins", coupon_runs, ()),
    (2, 0, "12:50", "the research page changes", page_changes, ()),
    (2, 0, "17:50", "the Admin API is down", api_down, ()),
    (2, 0, "18:50", "the Admin API is back", api_up, ()),
    (3, None, "08:20", "twenty verdicts on answers", feedback(20, "second"),
     ("learning_loop", "feature_auto_improver")),
    (4, 1, "19:10", "the documentation changes", docs_change, ()),
    (5, 1, "13:10", "the plan becomes basic", plan("basic"), ()),
    (6, 1, "20:10", "the plan is cancelled, the app removed", left, ("subscription",)),
)  # fmt: skip


def script(begin: datetime, days: int) -> list[Happening]:
    """The happenings of a week; of fewer than seven days, those of its short form, crowded into two or one."""
    found = []
    for long, short, clock, what, do, wakes in SCRIPT:
        day = long if days >= 7 else short
        if day is not None:
            day = min(day, days - 1)
            hour, minute = map(int, clock.split(":"))
            found.append(Happening(begin + timedelta(days=day, hours=hour, minutes=minute), what, do, wakes))
    return sorted(found, key=lambda h: h.at)


@contextmanager
def world(folder: Path, clock: DrivenClock, begin: datetime, members: int, *, speed: float = 0.0) -> Iterator[World]:
    """The world alive, and its environment in the process's; all of it is stopped and put back afterwards."""
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall
    from cafe24_pipelines.sandbox.server import RunningSandbox
    from cafe24_pipelines.serving.app import create_app
    from cafe24_pipelines.settings import Settings

    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        site = stack.enter_context(_web_site())
        site.report("2026-10-01", "국내 온라인 쇼핑몰의 평균 재구매율은 28.2%입니다.")
        sources = folder / "sources.yaml"
        sources.write_text(
            f"sources:\n  - {{id: report, publisher: 주간 리포트, url: {site.url}/report, kind: page, trust: study,\n"
            "     language: ko, region: KR, seconds: 0, pages: 1, terms: 시험용}\n", encoding="utf-8",
        )  # fmt: skip
        mall = SandboxMall.build(folder / "mall.sqlite", customers=members)
        stack.callback(mall.close)
        live: dict[str, Any] = {"process": speed > 0, "limits": False, "token_calls": 0, "webhook_key": KEY}
        served = mall.path if speed > 0 else mall
        sandbox = stack.enter_context(RunningSandbox(served, start=begin, speed=speed, **live))
        home = folder / "home"
        stack.enter_context(mock.patch.dict(os.environ, environment(sandbox.url, home, sources)))
        os.environ["WEEK_APP"] = stack.enter_context(loopback.served(create_app(Settings.from_env())))
        sandbox.control.webhooks(f"{os.environ['WEEK_APP']}/webhooks/cafe24")
        yield World(home, mall, sandbox.control, site, clock)


def environment(url: str, home: Path, sources: Path) -> dict[str, str]:
    """What the installation's environment says."""
    return {
        "CAFE24_HOME": str(home), "CAFE24_API_URL": url, "CAFE24_ANALYTICS_URL": f"{url}/analytics",
        "CAFE24_CLIENT_ID": "sandbox-client", "CAFE24_CLIENT_SECRET": "sandbox-secret", "CAFE24_WEBHOOK_KEY": KEY,
        "CAFE24_REDIRECT_URI": "http://127.0.0.1:8000/oauth/callback", "CAFE24_ENCRYPTION_KEY": "invented",
        "CAFE24_RESEARCH_SOURCES": str(sources), "CAFE24_API_DOCS": "", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "CAFE24_DEFAULT_PLAN": "free", "SLACK_WEBHOOK_URL": "", "LLM_MODEL": "", "FINETUNED_MODEL": "",
    }  # fmt: skip
