"""Alerts of operations as Slack messages: the route `slack` of CAFE24_ALERT_ROUTES, over the digest's webhook.

A webhook belongs to one channel, so a route names none. Does not belong here: what deserves an alert
(`operations/`), or digests.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.names import OPERATIONS_MALL
from cafe24_pipelines.reports.slack import SlackWebhook
from cafe24_pipelines.reports.slack_blocks import MOST_TEXT, context, escaped, header, mrkdwn, size

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

_KINDS: Final = {
    "run.failed": "실행 실패", "run.hanging": "끝나지 않는 실행", "run.recovered": "복구",
    "readiness.changed": "준비 상태", "model.warmed": "모델 예열",
}  # fmt: skip


class SlackAlerts:
    """A notifier (see `operations/notify.py`) that posts each alert as one message."""

    def __init__(self, webhook: SlackWebhook) -> None:
        self._webhook = webhook

    def notify(self, kind: str, mall_id: str, owner: str, title: str, lines: Sequence[str]) -> None:
        """Post the alert.

        Raises:
            NotDelivered, DeliveryUnknown: as of `SlackWebhook.send`.
        """
        self._webhook.send(alert_message(kind, mall_id, owner, title, lines), "")


def slack_alerts(settings: "Settings", channel: str) -> SlackAlerts:
    """The notifier of the settings.

    Raises:
        ConfigError: no webhook is set, or the route names a channel.
    """
    if not settings.slack_webhook_url:
        raise ConfigError("CAFE24_ALERT_ROUTES names slack, and no webhook is set", remedy="set SLACK_WEBHOOK_URL")
    if channel:
        raise ConfigError(
            f"CAFE24_ALERT_ROUTES: slack:{channel} names a channel", remedy="a webhook has its own: write slack"
        )
    return SlackAlerts(SlackWebhook(settings.slack_webhook_url))


def alert_message(kind: str, mall_id: str, owner: str, title: str, lines: Sequence[str]) -> dict[str, Any]:
    """The body of a webhook call within Slack's limits; nothing in it becomes a mention or a link."""
    told = ""
    for line in lines:  # whole lines: a cut could leave half of an entity, or a mark of its own
        mark = "   ◦" if line.startswith("- ") else "•"  # beneath the line above it
        more = f"{told}\n{mark} {escaped(line.removeprefix('- '), 600)}".strip("\n")
        if size(more) > MOST_TEXT:
            break
        told = more
    about = " · ".join(escaped(part, 120) for part in _who(kind, mall_id, owner) if part)
    blocks: list[dict[str, Any]] = [
        header(title),
        *([{"type": "section", "text": mrkdwn(told)}] if told else []),
        context(about),
    ]
    return {"text": escaped(title, 1000), "blocks": blocks}


def _who(kind: str, mall_id: str, owner: str) -> tuple[str, str, str]:
    """What kind of alert, of which mall, and whose it is, as a person calls them."""
    team = owner.removeprefix("team:")
    return _KINDS.get(kind, kind), "전체" if mall_id == OPERATIONS_MALL else mall_id, f"{team} 팀" if team else ""
