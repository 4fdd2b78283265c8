"""The webhook client against a strict Slack: what is shown, what is tried again, and what nobody knows."""

import random
import re
from datetime import UTC, datetime

import pytest

from cafe24_pipelines.reports.digest import Digest, Item
from cafe24_pipelines.reports.slack import DeliveryUnknown, NotDelivered, SlackWebhook
from cafe24_pipelines.reports.slack_blocks import escaped, header, message, size
from tests.reports.conftest import HOSTILE
from tests.reports.slack_server import PATH, SlackServer, problem

AT = datetime(2026, 11, 28, 3, 30, tzinfo=UTC)


def made_digest(items: int = 1, *, title: str = "제목", query: str = "", link: str = "") -> Digest:
    made = (f"finding:{n}" for n in range(items))
    found = tuple(Item(f, "confirmed", title, title, title, query or title, f.replace(":", "-")) for f in made)
    return Digest("d1", "handmade", AT, "2026-10-31", (("순매출", "1원"),) * 12, found, 3, 2, link)


def _sent(slack: SlackServer, **more: object) -> list[float]:
    slept: list[float] = []
    SlackWebhook(slack.url, sleep=slept.append, **more).send(message(made_digest()), "")  # type: ignore[arg-type]
    return slept


@pytest.mark.parametrize("link", ["", "https://brain.example/r/handmade.html?a=1&b=2|<x>"])
def test_any_digest_is_within_slacks_limits_whatever_names_say(slack: SlackServer, link: str) -> None:
    body = message(made_digest(20, title=HOSTILE * 60, link=link))
    assert len(body["blocks"]) > 20 and problem(body) == ""
    SlackWebhook(slack.url).send(body, "")
    assert slack.shown == [body]
    texts = str(body)
    assert "<!channel>" not in texts and "<script" not in texts
    assert ("근거 보기" in texts) == bool(link)
    assert ("SELECT" in str(message(made_digest(query="SELECT 1", link=link)))) != bool(link), "the page shows it"
    assert "\u202e" not in texts, "nothing turns the direction of what follows"
    assert body["text"].startswith(f"{made_digest().title}: 20건 · [새로 확정] ") and size(body["text"]) <= 300


def test_a_full_digest_of_pictures_and_entities_stays_within_the_limits_as_utf_16_counts() -> None:
    for character in ("\U0001f600", "&", "가"):
        long, link = character * 1600, "https://r.example/" + "a" * 600
        items = tuple(Item(f"f:{n}", "confirmed", long, long, long, long, "a") for n in range(30))
        digest = Digest("d", "handmade", AT, long, ((long, long),) * 12, items, 3, 2, link)
        body = message(digest)
        assert len(body["blocks"]) in (49, 50) and problem(body) == "", problem(body)
        assert "r.example" not in str(body), "a link that is longer than a text may be"
    assert problem({**body, "blocks": [header("가" * 151)]}) == "", "a heading is cut"
    assert size(header("\U0001f600" * 100)["text"]["text"]) == 149, "150 has half a picture"


def test_the_server_is_strict() -> None:
    body = message(made_digest())
    assert problem(body) == ""
    assert problem({**body, "blocks": body["blocks"] * 20}) == "invalid_blocks"
    broken = {"type": "context", "elements": [{"type": "mrkdwn", "text": "a < b"}]}
    assert problem({**body, "blocks": [broken]}) == "unescaped"


def test_an_entity_is_never_cut_in_two() -> None:
    draw = random.Random(7)
    for _ in range(300):
        text = "".join(draw.choice("가&<>a*`\n") for _ in range(draw.randrange(60)))
        most = draw.randrange(1, 80)
        found = escaped(text, most)
        assert len(found) <= most
        assert not re.search(r"&(?!amp;|lt;|gt;)|[<>*`\n]", found)


@pytest.mark.parametrize(
    ("status", "word", "remedy"),
    [(400, "invalid_blocks", ""), (403, "action_prohibited", "administrator"), (404, "no_service", "new one"),
     (410, "channel_is_archived", "unarchive"), (302, "moved", "")],
)  # fmt: skip
def test_a_refusal_is_final_names_its_remedy_and_never_the_address(
    slack: SlackServer, status: int, word: str, remedy: str
) -> None:
    slack.script = [(status, word, {"Location": slack.url})]
    with pytest.raises(NotDelivered) as raised:
        _sent(slack)
    assert raised.value.lasting and slack.calls == 1
    told = str(raised.value)
    assert str(status) in told and word in told and remedy in told
    assert PATH not in told and "secret" not in told


def test_it_waits_as_long_as_slack_asks_and_not_longer_than_is_reasonable(slack: SlackServer) -> None:
    slack.script = [(429, "rate_limited", {"Retry-After": "3"}), (429, "rate_limited", {"Retry-After": "bad"})]
    assert _sent(slack) == [3.0, 2.0] and len(slack.shown) == 1
    slack.script = [(429, "rate_limited", {"Retry-After": "3600"})]
    with pytest.raises(NotDelivered) as raised:
        _sent(slack)
    assert not raised.value.lasting and len(slack.shown) == 1


def test_a_server_error_is_tried_again_a_bounded_number_of_times(slack: SlackServer) -> None:
    slack.script = [(500, "rollup_error", {}), (503, "busy", {"Retry-After": "7"})]
    assert _sent(slack) == [1.0, 7.0]
    slack.script, slack.calls = [(503, "busy", {})] * 9, 0
    with pytest.raises(NotDelivered) as raised:
        _sent(slack)
    assert slack.calls == 4 and not raised.value.lasting


@pytest.mark.parametrize("reply", ["hang", "drop", "drip", (502, "<html>bad gateway", {}), (504, "", {})])
def test_a_message_without_a_reply_of_slacks_own_is_not_sent_again(slack: SlackServer, reply: object) -> None:
    slack.script = [reply]
    with pytest.raises(DeliveryUnknown) as raised:
        _sent(slack, seconds=0.3)
    assert slack.calls == 1 and PATH not in str(raised.value)


def test_nobody_there_is_surely_not_delivered() -> None:
    gone = SlackServer()
    url = gone.url
    gone.close()
    slept: list[float] = []
    with pytest.raises(NotDelivered, match="no connection"):
        SlackWebhook(url, sleep=slept.append).send(message(made_digest()), "")
    assert slept == [1.0, 2.0, 4.0]
