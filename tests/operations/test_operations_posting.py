"""Jira and Confluence get one issue and one page, whatever happens on the way, and nothing twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from atlassian_server import DONE, EMAIL, OPEN, PAGE, PROJECT, TOKEN, Atlassian, atlassian

from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.names import OPERATIONS_MALL
from cafe24_pipelines.operations.confluence import post_to_confluence
from cafe24_pipelines.operations.jira import post_to_jira
from cafe24_pipelines.operations.notify import FileNotifier
from cafe24_pipelines.operations.posting import CHANGED, tell_readiness
from cafe24_pipelines.operations.readiness import Item, Readiness
from cafe24_pipelines.operations.rest import MAX_WAIT, Conflict, Rest, Unavailable
from cafe24_pipelines.operations.silence import NOT_READ, READ_AGAIN
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

NOW = datetime(2026, 11, 3, 1, 0, tzinfo=UTC)
TRICKY = '<b>"a" & 1 < 2</b> 매출 | 주문'


def found(*red: str) -> Readiness:
    bad = tuple(Item("store", name, "red", f"{TRICKY} {name}", "다시 실행하십시오") for name in red)
    return Readiness(NOW, (*bad, Item("model", "LLM_MODEL", "green", detail="local")))


@pytest.fixture
def site() -> Iterator[Atlassian]:
    with atlassian() as running:
        yield running


def rest(site: Atlassian, waits: list[float] | None = None, *, name: str = "JIRA", token: str = TOKEN) -> Rest:
    base = f"{site.url}/wiki" if name == "CONFLUENCE" else site.url
    return Rest(base, EMAIL, token, name=name, sleep=(waits if waits is not None else []).append)


def test_an_issue_lives_from_the_first_trouble_to_the_last(site: Atlassian) -> None:
    with rest(site) as jira:
        assert post_to_jira(jira, PROJECT, found()) == "none", "all is green, and nothing was ever told"
        steps: list[tuple[Readiness, str, tuple[str, str, str]]] = [
            (found("graph"), "created", OPEN), (found("graph"), "unchanged", OPEN), (found("lake"), "updated", OPEN),
            (found(), "closed", DONE), (found(), "unchanged", DONE), (found("graph"), "reopened", OPEN),
        ]  # fmt: skip
        for value, said, status in steps:
            assert post_to_jira(jira, PROJECT, value) == said
            assert [i["status"] for i in site.issues] == [status], "one issue, in the right state"
        many = Readiness(NOW, tuple(Item("job", f"j{i}", "red", "이유 " * 50, "해결 " * 50) for i in range(200)))
        assert post_to_jira(jira, PROJECT, many) == "updated" and "외 1" in str(site.issues[0]["description"])
        post_to_jira(jira, PROJECT, found("graph"))
    text = str(site.issues[0]["description"])
    assert "graph" in text and TRICKY in text and "준비되지 않음" in site.issues[0]["summary"]


def test_a_page_is_replaced_and_left_alone_when_it_says_the_same(site: Atlassian) -> None:
    with rest(site, name="CONFLUENCE") as wiki:
        assert post_to_confluence(wiki, PAGE, found("graph")) == "updated"
        assert post_to_confluence(wiki, PAGE, found("graph")) == "unchanged"
        assert (site.page["number"], site.page["title"]) == (8, "준비 상태")
        site.saved_by_others = 2
        assert post_to_confluence(wiki, PAGE, found("lake")) == "updated", "written on top of what others saved"
        assert site.page["number"] == 11 and "lake" in site.page["value"]
        site.saved_by_others = 9
        with pytest.raises(Conflict):
            post_to_confluence(wiki, PAGE, found())


def test_a_busy_server_is_waited_for_as_it_asks_and_not_for_ever(site: Atlassian) -> None:
    waits: list[float] = []
    with rest(site, waits) as jira:
        site.faults = [(429, {"Retry-After": "7"}), (503, {})]
        assert post_to_jira(jira, PROJECT, found("graph")) == "created"
        assert waits == [7.0, 1.0] and len(site.issues) == 1
        site.faults = [(429, {"Retry-After": "3600"})]
        with pytest.raises(Unavailable):
            post_to_jira(jira, PROJECT, found("lake"))
        assert sum(waits) < MAX_WAIT, "an hour is not waited for"
        site.faults = [(500, {})] * 9
        with pytest.raises(Unavailable):
            jira.call("GET", "/rest/api/3/issue/CRM-1/transitions")
        site.faults = [(500, {})]
        with pytest.raises(Unavailable):
            jira.call("POST", "/rest/api/3/issue", body={})
        assert site.calls.count("POST /rest/api/3/issue") == 2, "a creation that may have happened is not repeated"


@pytest.mark.parametrize(("token", "project", "says"), [("wrong", PROJECT, "401"), (TOKEN, "NONE", "400")])
def test_what_asking_again_won_t_mend_is_a_setting(site: Atlassian, token: str, project: str, says: str) -> None:
    with rest(site, token=token) as jira, pytest.raises(ConfigError, match=says) as error:
        post_to_jira(jira, project, found("graph"))
    assert token not in str(error.value) and len(site.calls) == 1
    site.faults = [(302, {"Location": "/login"})]
    with rest(site) as jira, pytest.raises(ConfigError, match="redirection"):
        post_to_jira(jira, PROJECT, found("graph"))
    with rest(site, name="CONFLUENCE") as wiki, pytest.raises(ConfigError, match="404"):
        post_to_confluence(wiki, "1", found())


def test_readiness_is_told_once_a_change_and_services_catch_up(site: Atlassian, tmp_path: Path) -> None:
    env: dict[str, Any] = {
        "JIRA_URL": site.url, "JIRA_EMAIL": EMAIL, "JIRA_TOKEN": TOKEN, "JIRA_PROJECT": PROJECT,
        "CONFLUENCE_URL": f"{site.url}/wiki", "CONFLUENCE_PAGE_ID": PAGE,
    }  # fmt: skip
    settings = Settings.from_env(env, home=tmp_path)
    log, to = EventLog(settings.home.events), FileNotifier(tmp_path / "alerts.jsonl")
    site.faults = [(401, {})]
    first = tell_readiness(settings, log, to, found("graph"))
    assert (first.changed, first.jira, first.confluence) == (True, "failed", "updated") and "401" in first.problems[
        "jira"
    ]
    again = tell_readiness(settings, log, to, found("graph"))
    assert (again.changed, again.jira, again.confluence) == (False, "created", "unchanged") and not again.problems
    tell_readiness(settings, log, to, found())
    tell_readiness(settings, log, to, found("graph"))
    events = log.read(OPERATIONS_MALL, types=(CHANGED,))
    assert [e.payload["green"] for e in events] == [False, True, False], "an event a change, the same state again too"
    told = (tmp_path / "alerts.jsonl").read_text().splitlines()
    assert len(told) == 3 and "해결됨" in told[1]
    assert TOKEN not in "".join(told) + repr(settings)


def test_a_second_mall_with_the_same_trouble_is_told_and_none_is_named(tmp_path: Path) -> None:
    settings = Settings.from_env({}, home=tmp_path)
    log, path = EventLog(settings.home.events), tmp_path / "alerts.jsonl"
    told = []
    for malls in (("a", "b"), ("a", "c", "d"), ("c", "d"), ("a", "c", "d"), ("a", "c", "d")):
        before = path.read_text() if path.exists() else ""
        red = tuple(Item.red("job", f"shop_sync/mall-{m}", NOT_READ, READ_AGAIN.of(f"mall-{m}")) for m in malls)
        tell_readiness(settings, log, FileNotifier(path), Readiness(NOW, red))
        told.append(path.read_text().removeprefix(before) if path.exists() else "")
    assert [bool(alert) for alert in told] == [True, True, False, True, False]
    assert "2건 → 3건" in told[1] and "mall-" not in "".join(told)
    assert "mall-" not in str([e.payload for e in log.read(OPERATIONS_MALL, types=(CHANGED,))])


def test_nothing_is_posted_where_nothing_is_configured_and_half_a_configuration_says_so(tmp_path: Path) -> None:
    log, to = EventLog(tmp_path / "events.db"), FileNotifier(tmp_path / "alerts.jsonl")
    plain = tell_readiness(Settings.from_env({}, home=tmp_path), log, to, found())
    assert (plain.jira, plain.confluence, plain.problems) == ("", "", {})
    half = Settings.from_env({"JIRA_URL": "https://a.example"}, home=tmp_path)
    assert "JIRA_TOKEN" in tell_readiness(half, log, to, found()).problems["jira"]
    assert issubclass(Unavailable, Cafe24Error)
