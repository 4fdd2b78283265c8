"""One Jira issue that says what is not green: found by its label, made, updated, closed when all is, opened again.

Jira Cloud REST v3; descriptions are Atlassian Document Format. The issue names the state it shows, so that the same
state again writes nothing. An issue is found by search, which Jira brings up to date within seconds: two checks at
the same moment could make two. Does not belong here: HTTP (`rest.py`), or what is green.
"""

import json
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.operations.readiness_text import AREAS_KO, headline, state_mark

if TYPE_CHECKING:
    from cafe24_pipelines.operations.readiness import Readiness
    from cafe24_pipelines.operations.rest import Rest

LABEL: Final = "cafe24-readiness"
_API: Final = "/rest/api/3"
_SUMMARY: Final = 255
"""What Jira takes as a summary, in letters."""
_LETTERS: Final = 30_000
"""What a description holds of items; Jira refuses one beyond 32,767 letters (JRACLOUD-78553)."""
_TYPES: Final = ("Task", "작업")
"""Names of the issue type that is taken where there is one: a site that was made in Korean has its own names."""


def post_to_jira(rest: "Rest", project: str, found: "Readiness") -> str:
    """Bring the project's one issue to what was found.

    Returns:
        What was done: created, updated, closed, reopened, unchanged, or none (all green, and no issue).

    Raises:
        ConfigError, Unavailable: see `rest.py`.
    """
    issue = _issue(rest, project)
    if issue is None:
        if found.green:
            return "none"
        kind = {"id": _issue_type(rest, project)}
        fields = {**_fields(found), "project": {"key": project}, "issuetype": kind, "labels": [LABEL]}
        rest.call("POST", f"{_API}/issue", body={"fields": fields})
        return "created"
    key, fields = issue["key"], issue["fields"]
    changed = found.digest() not in json.dumps(fields.get("description") or {})
    if changed:
        rest.call("PUT", f"{_API}/issue/{key}", body={"fields": _fields(found)})
    closed = fields["status"]["statusCategory"]["key"] == "done"
    if found.green and not closed and _move(rest, key, ("done",)):
        return "closed"
    if not found.green and closed and _move(rest, key, ("new", "indeterminate")):
        return "reopened"
    return "updated" if changed else "unchanged"


def _issue(rest: "Rest", project: str) -> dict[str, Any] | None:
    """The issue with our label that was made first."""
    jql = f'project = "{project}" AND labels = "{LABEL}" ORDER BY created ASC'
    body = {"jql": jql, "maxResults": 1, "fields": ["description", "status"]}
    issues = rest.call("POST", f"{_API}/search/jql", body=body).get("issues") or []
    return issues[0] if issues else None


def _issue_type(rest: "Rest", project: str) -> str:
    """Id of the type of a new issue: a task, else the first that is neither a sub-task nor above the others.

    Raises:
        ConfigError: the project lets this account create none.
    """
    offered = rest.call("GET", f"{_API}/issue/createmeta/{project}/issuetypes").get("issueTypes") or []
    fit = [one for one in offered if not one.get("subtask") and one.get("hierarchyLevel", 0) == 0]
    if not fit:
        raise ConfigError(f"project {project} takes no issue from this account", where="JIRA",
                          remedy="give it the right to create issues, or set another JIRA_PROJECT")  # fmt: skip
    return str(min(fit, key=lambda one: one["name"] not in _TYPES)["id"])


def _move(rest: "Rest", key: str, categories: tuple[str, ...]) -> bool:
    """Take the first transition that leads to a status of one of these categories; False when there is none."""
    offered = rest.call("GET", f"{_API}/issue/{key}/transitions").get("transitions") or []
    for category in categories:
        for one in offered:
            if one["to"]["statusCategory"]["key"] == category:
                rest.call("POST", f"{_API}/issue/{key}/transitions", body={"transition": {"id": one["id"]}})
                return True
    return False


def _fields(found: "Readiness") -> dict[str, Any]:
    return {"summary": f"[Cafe24 CRM] {headline(found)}"[:_SUMMARY], "description": document(found)}


def document(found: "Readiness") -> dict[str, Any]:
    """What is red as an Atlassian document: a bullet an item as far as there is room, and the mark of the state."""
    items, left = list[dict[str, Any]](), _LETTERS
    for i in found.red:
        name, told = f"{AREAS_KO[i.area]} {i.name}", f": {i.why} → {i.remedy}"
        left -= len(name) + len(told)
        if left < 0:
            break
        items.append({"type": "listItem", "content": [_paragraph(_text(name, strong=True), _text(told))]})
    content: list[dict[str, Any]] = [_paragraph(_text(headline(found)))]
    if items:
        content.append({"type": "bulletList", "content": items})
    if len(found.red) > len(items):
        content.append(_paragraph(_text(f"… 외 {len(found.red) - len(items)}건: `cafe24 ready`")))
    return {"type": "doc", "version": 1, "content": [*content, _paragraph(_text(state_mark(found)))]}


def _paragraph(*texts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(texts)}


def _text(text: str, *, strong: bool = False) -> dict[str, Any]:
    return {"type": "text", "text": text, **({"marks": [{"type": "strong"}]} if strong else {})}
