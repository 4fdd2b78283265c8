"""One Confluence page that shows readiness: read, replaced with the next version, or left when it says the same.

Confluence Cloud REST v2, storage format. The page is ours alone: its whole body is replaced, its title kept. When
somebody saved in between (409), it is read again and written on top. Does not belong here: HTTP (`rest.py`).
"""

from html import escape
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.operations.readiness_text import AREAS_KO, MARKS, by_state, headline, state_mark
from cafe24_pipelines.operations.rest import Conflict

if TYPE_CHECKING:
    from cafe24_pipelines.operations.readiness import Readiness
    from cafe24_pipelines.operations.rest import Rest

_API: Final = "/api/v2/pages"
_CONFLICTS: Final = 3


def post_to_confluence(rest: "Rest", page_id: str, found: "Readiness") -> str:
    """Bring the page to what was found. Returns updated or unchanged.

    Raises:
        Conflict: others saved the page three times in between.
        ConfigError, Unavailable: see `rest.py`.
    """
    for turn in range(_CONFLICTS):
        page = rest.call("GET", f"{_API}/{page_id}", params={"body-format": "storage"})
        if found.digest() in page["body"]["storage"]["value"]:
            return "unchanged"
        try:
            rest.call("PUT", f"{_API}/{page_id}", body=_update(page, found))
        except Conflict:
            if turn + 1 == _CONFLICTS:
                raise
        else:
            return "updated"
    raise AssertionError("the last turn returns or raises")


def _update(page: dict[str, Any], found: "Readiness") -> dict[str, Any]:
    return {
        "id": page["id"], "status": "current", "title": page["title"],
        "body": {"representation": "storage", "value": storage(found)},
        "version": {"number": page["version"]["number"] + 1, "message": headline(found)},
    }  # fmt: skip


def storage(found: "Readiness") -> str:
    """Readiness in storage format: every item, the red ones first, every text escaped."""
    head = "".join(f"<th>{name}</th>" for name in ("", "영역", "이름", "이유", "해결"))
    lines = [
        "<tr>" + "".join(
            f"<td>{escape(cell)}</td>" for cell in (MARKS[i.state], AREAS_KO[i.area], i.name, i.why, i.remedy)
        ) + "</tr>"
        for i in by_state(found)
    ]  # fmt: skip
    table = f"<table><tbody><tr>{head}</tr>{''.join(lines)}</tbody></table>"
    return f"<p><strong>{escape(headline(found))}</strong></p>{table}<p>{state_mark(found)}</p>"
