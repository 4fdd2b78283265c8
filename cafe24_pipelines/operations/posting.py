"""Telling readiness: one event a change, an alert, and Jira and Confluence where they are configured.

Does not belong here: judging, or a service's format.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.names import DATA_TEAM, OPERATIONS_MALL
from cafe24_pipelines.operations.readiness_text import changes, headline
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.operations.notify import Notifier
    from cafe24_pipelines.operations.readiness import Readiness
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

CHANGED: Final = "readiness.changed"
_MOST_RED: Final = 200
_OF_MALLS: Final = ("store/", "job/")
"""What is red mall by mall: no mall is named in what is kept, so they are counted."""


@dataclass(frozen=True)
class Posted:
    """What was told: whether it changed, what each service did ("" when not configured), and what went wrong."""

    changed: bool
    jira: str = ""
    confluence: str = ""
    problems: dict[str, str] = field(default_factory=dict)


def tell_readiness(settings: "Settings", log: "EventLog", to: "Notifier", found: "Readiness") -> Posted:
    """Log and tell a change, and bring the services up to date; a service that is down takes nothing else along.

    The same state again adds no event and no alert; the services are looked at each time, so that one that was down
    catches up.
    """
    changed = record_change(log, to, found)
    problems: dict[str, str] = {}
    done = {"jira": "", "confluence": ""}
    for name, post in (("jira", _jira), ("confluence", _confluence)):
        try:
            done[name] = post(settings, found)
        except Cafe24Error as e:
            done[name], problems[name] = "failed", str(e)
        except (KeyError, TypeError, IndexError) as e:
            done[name], problems[name] = "failed", f"its answer is not what the API's reference says ({e!r})"
    return Posted(changed, done["jira"], done["confluence"], problems)


def record_change(log: "EventLog", to: "Notifier", found: "Readiness") -> bool:
    """An event if anything is other than in the last one; an alert if more is red, or for more malls, or mended."""
    from cafe24_pipelines.stores.digest import json_digest

    latest = log.latest(OPERATIONS_MALL, (CHANGED,), 1)
    last: dict[str, Any] = latest[0].payload if latest else {}
    digest = found.digest()
    if last.get("digest") == digest:
        return False
    many = Counter(i.label for i in found.red)
    red, before, were = list(many)[:_MOST_RED], set(last.get("red", [])), last.get("malls", {})
    malls = {label: many[label] for label in red if label.startswith(_OF_MALLS)}
    grown = {label: (were[label], n) for label, n in malls.items() if n > were.get(label, n)}
    if not latest or set(red) != before or grown:
        to.notify(CHANGED, OPERATIONS_MALL, DATA_TEAM, headline(found), changes(found.red, before, grown))
    payload = {"digest": digest, "green": found.green, "counts": found.counts(), "red": red, "malls": malls}
    event_id = json_digest([CHANGED, digest, latest[0].event_id if latest else ""])  # two at once add it once
    return bool(log.append([Event(event_id, OPERATIONS_MALL, CHANGED, found.at, payload)]))


def _jira(settings: "Settings", found: "Readiness") -> str:
    from cafe24_pipelines.operations.jira import post_to_jira
    from cafe24_pipelines.operations.rest import Rest

    if not _whole("JIRA", URL=settings.jira_url, EMAIL=settings.jira_email, TOKEN=settings.jira_token,
                  PROJECT=settings.jira_project):  # fmt: skip
        return ""
    with Rest(settings.jira_url, settings.jira_email, settings.jira_token, name="JIRA") as rest:
        return post_to_jira(rest, settings.jira_project, found)


def _confluence(settings: "Settings", found: "Readiness") -> str:
    from cafe24_pipelines.operations.confluence import post_to_confluence
    from cafe24_pipelines.operations.rest import Rest

    if not settings.confluence_url and not settings.confluence_page_id:
        return ""  # e-mail and token may be Jira's
    _whole("CONFLUENCE", URL=settings.confluence_url, EMAIL=settings.confluence_email,
           TOKEN=settings.confluence_token, PAGE_ID=settings.confluence_page_id)  # fmt: skip
    with Rest(
        settings.confluence_url, settings.confluence_email, settings.confluence_token, name="CONFLUENCE"
    ) as rest:
        return post_to_confluence(rest, settings.confluence_page_id, found)


def _whole(service: str, **values: str) -> bool:
    """Whether a service is configured.

    Raises:
        ConfigError: it is, in part.
    """
    from cafe24_pipelines.errors import ConfigError

    missing = [f"{service}_{name}" for name, value in values.items() if not value]
    if missing and len(missing) < len(values):
        raise ConfigError(f"{service} is configured in part", remedy=f"set {', '.join(missing)}, or none of them")
    return not missing
