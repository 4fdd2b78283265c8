"""Every door asks the one gate: what a suspended, a leaving and a removed mall still gets, whoever asks and where."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette

from cafe24_pipelines import parts
from cafe24_pipelines.cli import main
from cafe24_pipelines.serving.app import ApiLimits, create_app
from cafe24_pipelines.serving.keys import KeyRing
from cafe24_pipelines.serving.mall_services import MallServices
from cafe24_pipelines.serving.mcp_server import Tools
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event

MALL = "rival"
Serve = Callable[[Starlette], AbstractContextManager[str]]
ASKING = {
    "ask": "x", "compare": "x", "generate": "x", "run": "--source csv --path .", "sync": "", "rebuild": "graph",
    "writeback group": "--segment 챔피언 --to 2", "writeback coupon": "--segment 챔피언 --coupon 1",
    "inbox post": "comparison.requested --key k1",
}  # fmt: skip
"""Commands that make something new, with arguments."""
READING = {
    "search": "주문", "patterns": "", "metrics": "rfm", "rows": "{rows}", "report": "", "research": "", "recipes": "",
    "feedback": "질문 --verdict positive", "export finetune": "--out {out}",
}  # fmt: skip
"""Commands that show or judge what is there."""
OPERATORS = {
    "status", "doctor", "ready", "health", "settings", "ui", "serve", "sandbox", "mcp", "erase",
    "authorize", "keys add", "keys list", "keys revoke", "inbox aside", "mall list", "mall show", "mall plan",
    "mall suspend", "mall resume", "mall remove",
}  # fmt: skip
"""The operator's own: looking after the installation, whatever stage a mall is in. `mcp` asks at each call."""


class Doors:
    """One mall of a home, asked through everything that answers."""

    def __init__(self, settings: Settings, url: str, client: httpx.Client, token: str, out: str) -> None:
        self.settings, self.log = settings, parts.event_log(settings)
        self._url, self._client, self._headers = f"{url}/cafe24-crm", client, {"X-API-Key": token}
        self._tools = Tools(settings, MallServices(settings), MALL)
        self._said, self._out, self.rows = 0, out, ""

    def say(self, kind: str) -> None:
        """An event of the mall's life, each after the one before."""
        self._said += 1
        self.log.append([Event(f"door:{self._said}:{kind}", MALL, kind, datetime.now(UTC), {})])

    def http(self, method: str, route: str, body: Mapping[str, object]) -> str:
        """ "" when it is open, else what is said."""
        given = {"params": body} if method == "GET" else {"json": body}
        answer = self._client.request(method, f"{self._url}/{route}", headers=self._headers, **given)  # type: ignore[arg-type]
        if answer.status_code != 403:
            assert answer.status_code == 200, answer.text
            return ""
        assert answer.json()["error"]["code"] == "not_allowed"
        return str(answer.json()["error"]["message"])

    def routes(self) -> set[str]:
        """Every route that serves a merchant."""
        paths = self._client.get(self._url.removesuffix("/cafe24-crm") + "/openapi.json").json()["paths"]
        return {path.rpartition("/")[2] for path in paths if path.startswith("/cafe24-crm/")}

    def tool(self, call: Callable[[Tools], object]) -> str:
        """ "" when it is open, else what the assistant is told."""
        try:
            call(self._tools)
        except ToolError as e:
            return str(e)
        return ""

    def command(self, name: str, words: str) -> str:
        """ "" when it is open, else the line on stderr."""
        given = words.format(rows=self.rows, out=self._out).split()
        done = CliRunner().invoke(
            main, [*name.split(), *given, "--mall", MALL, "--home", str(self.settings.home.root)]
        )
        assert done.exit_code in (0, 1) and isinstance(done.exception, SystemExit | None), (name, done.output)
        return done.stderr if done.exit_code == 1 and f"mall {MALL}: " in done.stderr else ""

    def asking(self) -> dict[str, str]:
        """What each door that makes something new says."""
        question = {"question": "이번 달 매출은?"}
        wish: dict[str, object] = {"type": "comparison.requested", "payload": {}, "key": "k"}
        routes = ("baseline", "rag", "ontology-plus", "compare")
        posted: dict[str, Mapping[str, object]] = dict.fromkeys(routes, question)
        posted |= {"generate": {"question": "주문 목록"}, "events": wish}
        return {
            **{f"POST {route}": self.http("POST", route, body) for route, body in posted.items()},
            "POST rag, streamed": self.http("POST", "rag", {**question, "stream": True}),
            "tool ask": self.tool(lambda t: t.ask("이번 달 매출은?")),
            **{f"cafe24 {name}": self.command(name, words) for name, words in ASKING.items()},
        }

    def reading(self) -> dict[str, str]:
        """What each door that shows what is there says."""
        verdict = {"answer_id": "0" * 8 + "-0000-5000-8000-" + "0" * 12, "verdict": "positive"}
        return {
            "GET dashboard": self.http("GET", "dashboard", {}),
            "GET insights": self.http("GET", "insights", {}),
            "GET rows": self.http("GET", "rows", {"reference": self.rows}),
            "POST feedback": self.http("POST", "feedback", verdict),
            "tool search": self.tool(lambda t: t.search("주문")),
            "tool patterns": self.tool(lambda t: t.patterns()),
            "tool metrics": self.tool(lambda t: t.metrics("rfm")),
            **{f"cafe24 {name}": self.command(name, words) for name, words in READING.items()},
        }


@pytest.fixture
def doors(two_malls: Settings, tmp_path: Path, served: Serve) -> Iterator[Doors]:
    shutil.copytree(two_malls.home.root, tmp_path / "home")
    settings = Settings.from_env({}, home=tmp_path / "home")
    for file in settings.home.root.glob("events.db*"):  # other tests may have asked, too often just now
        file.unlink()
    token = KeyRing(parts.event_log(settings)).add(MALL)[1]
    limits = ApiLimits(per_key="100000/minute", per_address="100000/minute")
    with served(create_app(settings, limits=limits)) as url, closing(httpx.Client(timeout=60)) as client:
        found = Doors(settings, url, client, token, str(tmp_path / "out.jsonl"))
        answer = client.post(f"{url}/cafe24-crm/ontology-plus", json={"question": "이번 달 주문은 몇 건?"},
                             headers={"X-API-Key": token}).json()  # fmt: skip
        found.rows = next(n["rows"] for n in answer["numbers"] if n["rows"])
        yield found


def test_every_door_asks_the_same_gate(doors: Doors) -> None:
    assert not any(doors.reading().values()), "all that is read is open"
    doors.say("app.installed")
    doors.say("app.expired")
    closed = doors.asking()
    assert all(
        "기간이 끝났습니다. 카페24 앱스토어" in said for name, said in closed.items() if "cafe24" not in name
    ), closed
    assert all("cafe24 mall resume --mall rival" in said for name, said in closed.items() if "cafe24" in name), closed
    assert not any(doors.reading().values()), "what was made before the subscription ended is the merchant's"
    for kind, told in (("mall.blocked", "차단"), ("app.uninstalled", "삭제되었습니다"), ("mall.removed", "처음부터")):
        doors.say(kind)  # a removed mall is registered still, as if by hand, and its files are there
        read = doors.reading()
        closed = read | doors.asking()
        assert all(closed.values()), [name for name, said in closed.items() if not said]
        assert all(told in said for name, said in closed.items() if "cafe24" not in name)
        assert not any("기간이 끝났" in said for said in read.values()), "a reason that closes nothing here"
    assert {name.split()[1].rstrip(",") for name in closed if name[0] in "GP"} == doors.routes()
    doors.say("mall.resumed")
    assert not any(doors.reading().values()), "by hand, the operator may serve it again"


def test_no_command_is_without_a_place_in_the_rule() -> None:
    def names(group: click.Group, before: str = "") -> Iterator[str]:
        for name, command in group.commands.items():
            if isinstance(command, click.Group):
                yield from names(command, f"{before}{name} ")
            else:
                yield before + name

    known = ASKING.keys() | READING.keys() | OPERATORS
    assert {name for name in names(main) if name not in known} == set(), (
        "which door is it: asking, reading, operator's?"
    )
