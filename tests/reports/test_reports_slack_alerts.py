"""Alerts reach Slack within its limits; without a webhook, or with a channel, the setting is named."""

from pathlib import Path

import pytest

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.names import OPERATIONS_MALL
from cafe24_pipelines.operations.notify import notifier
from cafe24_pipelines.reports.slack_alerts import alert_message
from cafe24_pipelines.settings import Settings
from tests.reports.slack_server import SlackServer


def settings(tmp_path: Path, **more: str) -> Settings:
    return Settings.from_env({"CAFE24_ALERT_ROUTES": "*=slack", **more}, home=tmp_path / "home")


def test_an_alert_is_one_message_that_mentions_nobody(slack: SlackServer, tmp_path: Path) -> None:
    routes = notifier(settings(tmp_path, SLACK_WEBHOOK_URL=slack.url))
    lines = [f"<!channel> 실패 {n}: {'&' * n}" + "가" * 900 for n in range(40)]
    routes.notify("run.failed", "shop", "team:data", "수집이 실패했습니다 " + "나" * 300, lines)
    [shown] = slack.shown
    assert "<!channel>" not in str(shown) and "shop" in str(shown)
    assert not (tmp_path / "home" / "alerts.jsonl").exists()
    assert shown["blocks"][-1]["elements"][0]["text"] == "실행 실패 · shop · data 팀"


def test_lines_beneath_another_stand_beneath_it() -> None:
    body = alert_message("run.recovered", OPERATIONS_MALL, "team:crm", "복구됨", ["실패한 횟수:", "- a(2회), b(1회)"])
    assert body["blocks"][1]["text"]["text"] == "• 실패한 횟수:\n   ◦ a(2회), b(1회)"
    assert body["blocks"][2]["elements"][0]["text"] == "복구 · 전체 · crm 팀"


def test_an_alert_that_slack_refuses_goes_to_the_file(slack: SlackServer, tmp_path: Path) -> None:
    slack.script = [(404, "no_service", {})]
    notifier(settings(tmp_path, SLACK_WEBHOOK_URL=slack.url)).notify("run.failed", "shop", "team:data", "실패", ["a"])
    assert "전송 실패" in (tmp_path / "home" / "alerts.jsonl").read_text(encoding="utf-8")


def test_a_route_that_cannot_work_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SLACK_WEBHOOK_URL"):
        notifier(settings(tmp_path))
    named = {"CAFE24_ALERT_ROUTES": "*=slack:#ops", "SLACK_WEBHOOK_URL": "http://127.0.0.1:1/x"}
    with pytest.raises(ConfigError, match="write slack"):
        notifier(settings(tmp_path, **named))
