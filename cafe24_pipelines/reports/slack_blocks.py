"""A digest in Slack's Block Kit, within Slack's limits. Names from a shop stay text: no mention, no link, no markup.

Lengths are counted in UTF-16 units, the most that anybody counts: a picture letter (emoji) is two. Does not belong
here: what a digest says (`digest.py`), or sending it (`slack.py`).
"""

from collections.abc import Iterable
from typing import Any, Final

from cafe24_pipelines.reports.digest import KINDS, Digest, Item
from cafe24_pipelines.reports.markup import ODD

MOST_BLOCKS: Final = 50
MOST_TEXT: Final = 3000
MOST_HEADER: Final = 150
MOST_FIELDS: Final = 10
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS: Final = str.maketrans({"*": "∗", "~": "∼", "`": "ʻ", "\n": " ", "\r": " ", "\t": " "})
_IN_CODE: Final = str.maketrans({"`": "ʻ", "\n": " ", "\r": " ", "\t": " "})
_QUERY_CHARACTERS: Final = 160
_MOST_LINK: Final = 500
_NOTIFIED: Final = 300


def message(digest: Digest) -> dict[str, Any]:
    """The body of a webhook call: blocks, and a text for notifications and old clients."""
    blocks = [header(digest.title)]
    if digest.headline:
        fields = [
            mrkdwn(f"*{escaped(name, 200)}*\n{escaped(value, 200)}") for name, value in digest.headline[:MOST_FIELDS]
        ]
        blocks.append({"type": "section", "fields": fields})
    blocks.append(context(f"자료 기준일 {escaped(digest.as_of or '없음', 40)}"))
    room = MOST_BLOCKS - len(blocks) - 2  # for the notes and the link
    for one in digest.items[: room // 2]:
        blocks += _item(one, digest.link)
    if notes := digest.notes():
        blocks.append(context(escaped(" ".join(notes), 1000)))
    blocks.append(context(_whole(digest)))
    told = f"{digest.title}: {len(digest.items)}건"
    if digest.items:  # all that a phone's lock screen shows
        told += f" · [{KINDS[digest.items[0].kind]}] {digest.items[0].title}"
    return {"text": escaped(told, _NOTIFIED), "blocks": blocks}


def _item(one: Item, link: str) -> list[dict[str, Any]]:
    lines = [f"*[{KINDS[one.kind]}]* {escaped(one.title, 600)}"]
    lines += [escaped(one.detail, 900)] if one.detail else []
    lines += [f"*할 일* {escaped(one.action, 600)}"] if one.action else []
    blocks = [{"type": "section", "text": mrkdwn("\n".join(lines))}]
    if _fits(link) and one.anchor:  # the page shows the query too: half of one helps no merchant
        return [*blocks, context(f"<{_address(link, one.anchor)}|근거 보기>")]
    query = f"`{escaped(cut(one.query, _QUERY_CHARACTERS), 800, _IN_CODE)}`"
    return [*blocks, context(query)] if one.query else blocks


def _whole(digest: Digest) -> str:
    if _fits(digest.link):
        return f"<{_address(digest.link, '')}|보고서 열기>"
    return f"보고서: `cafe24 report --mall {escaped(digest.mall_id, 60)} --open`"


def _fits(link: str) -> bool:
    return 0 < size(link) <= _MOST_LINK


def _address(link: str, anchor: str) -> str:
    whole = f"{link}#{anchor}" if anchor else link
    return whole.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def header(text: str) -> dict[str, Any]:
    """A heading, plain and cut to what Slack takes."""
    return {"type": "header", "text": {"type": "plain_text", "text": cut(text, MOST_HEADER), "emoji": False}}


def context(text: str) -> dict[str, Any]:
    """A small line of formatted text."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def mrkdwn(text: str) -> dict[str, Any]:
    """Formatted text in which nothing becomes a link or a mention by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def size(text: str) -> int:
    """The length of a text as the strictest reader counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if size(text) <= most else _kept(text, most)


def escaped(text: str, most: int, marks: dict[int, str] = _MARKS) -> str:
    """A text with Slack's control characters escaped and its markup disarmed; at most `most` characters so."""
    pieces = [_ESCAPES.get(c, c) for c in ODD.sub("", text).translate(marks)]
    whole = "".join(pieces)
    return whole if size(whole) <= most else _kept(pieces, most)


def _kept(pieces: Iterable[str], most: int) -> str:
    """As many pieces as there is room for, and an ellipsis; none is cut in two."""
    kept, used = [], 1
    for piece in pieces:
        used += size(piece)
        if used > most:
            break
        kept.append(piece)
    return "".join(kept) + "…"
