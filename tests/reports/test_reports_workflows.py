"""Snapshot, page and digest in the real graph: a run ends with a report, sensors ask when it is behind, Slack hears.

On a home where the whole chain ran for a small mall.
"""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from click.testing import CliRunner

from cafe24_pipelines import parts
from cafe24_pipelines.assets import policies
from cafe24_pipelines.assets.metadata import LEAD_LIMIT, lead
from cafe24_pipelines.cafe24.malls import mall
from cafe24_pipelines.cli import main
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.discovery.patterns import PatternBook
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.jobs import all_jobs
from cafe24_pipelines.names import SEOUL
from cafe24_pipelines.reports.archive import PageBook
from cafe24_pipelines.reports.publish import archived
from cafe24_pipelines.reports.snapshot import SnapshotBook, build_snapshot, projections_digest
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.reports import insight_publisher
from cafe24_pipelines.sensors.dashboard import dashboard_api, dashboard_ui
from cafe24_pipelines.settings import Settings
from tests.reports.slack_server import SlackServer

MALL = "sandbox"


@pytest.fixture
def home(small_mall: Settings, tmp_path: Path) -> Settings:
    """A copy that a test may write to."""
    copy = Settings.from_env({}, home=tmp_path / "copy")
    shutil.copytree(small_mall.home.root, copy.home.root)
    return copy


def _tick(sensor: dg.SensorDefinition, settings: Settings, cursor: str | None = None) -> dg.SensorResult | str:
    events = EventsResource(home=str(settings.home.root))
    with (
        dagster_instance(settings) as instance,
        dg.build_sensor_context(instance=instance, cursor=cursor, resources={"events": events}) as context,
    ):
        found = sensor(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found if isinstance(found, dg.SensorResult) else str(found.skip_message)


def _tell(settings: Settings, *malls: str) -> dg.ExecuteInProcessResult:
    """One run of the digests of a batch of malls."""
    job = build_defs(resources=resources_for(str(settings.home.root))).resolve_job_def("digest_publication")
    config = {"ops": {"insight_digest_batch": {"config": {"malls": list(malls)}}}}
    with dagster_instance(settings) as instance:
        return job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)


def _run(job: str, settings: Settings) -> dg.ExecuteInProcessResult:
    defs = build_defs(resources=resources_for(str(settings.home.root)))
    with dagster_instance(settings) as instance:
        return defs.resolve_job_def(job).execute_in_process(
            instance=instance, partition_key=MALL, raise_on_error=False
        )


def _asked(found: dg.SensorResult | str) -> list[str]:
    if isinstance(found, str):  # a reason to skip, which leaves the cursor as it is
        return []
    return [str(r.partition_key) for r in found.run_requests or []]


def test_a_run_ends_with_a_report_of_what_it_published_and_tells_nobody(small_mall: Settings) -> None:
    snapshots, pages = SnapshotBook(small_mall.home.reports), PageBook(small_mall.home.reports)
    said = snapshots.current(MALL)
    assert said["made_from"] == projections_digest(small_mall, MALL)
    again = build_snapshot(small_mall, mall(small_mall.home, MALL))
    assert again == {k: v for k, v in said.items() if k not in ("digest", "made_at")}
    assert said["sales"] and said["stock"] and said["cohorts"]["rows"] and said["quality"]["health"]["score"] == 100
    assert pages.made_of(MALL) == said["digest"] and len(pages.archived(MALL)) == 1
    page = pages.current(MALL).read_text(encoding="utf-8")
    assert said["sales"]["last_full_month"]["month"] in page and pages.archived(MALL)[0].read_text() == page
    assert archived(parts.event_log(small_mall), MALL) == []
    chain = next(job for job in all_jobs if job.name == "whole_chain")
    assert not chain.selection.resolve(build_defs().resolve_asset_graph()) & {dg.AssetKey("insight_digest")}


def test_what_stands_before_the_first_table_is_shown_without_a_click() -> None:
    assert lead("# 제목\n\n**셋.** 넷\n\n- 다섯\n\n| a |\n|---|\n\n끝").value == "**셋.** 넷\n\n- 다섯"
    assert lead("# 제목\n\n앞\n\n## 뒤\n\n글").value == "앞"
    assert len(str(lead("가" * 5000).value)) == LEAD_LIMIT


def test_nothing_of_a_member_is_in_snapshot_or_page(small_mall: Settings) -> None:
    members = parts.mall_lake(small_mall, MALL).read("customers", ["member_key"]).column(0).to_pylist()
    files = [p.read_text(encoding="utf-8") for p in small_mall.home.reports.rglob("*") if p.is_file()]
    assert members and len(files) >= 5
    assert not [key for key in members if any(str(key) in text for text in files)]


def test_sensors_follow_a_change_to_the_page_and_are_silent_before_and_after(home: Settings) -> None:
    assert "no snapshot is behind" in str(_tick(dashboard_api, home))
    assert "no page is behind" in str(_tick(dashboard_ui, home))

    book = PatternBook(home.home.patterns)
    book.publish(MALL, book.current(MALL)[1:])
    found = _tick(dashboard_api, home)
    assert _asked(found) == [MALL] and isinstance(found, dg.SensorResult)
    assert not _asked(_tick(dashboard_api, home, found.cursor)), "asked twice for the same change"
    assert _run("dashboard_publication", home).success
    assert not _asked(_tick(dashboard_api, home, found.cursor))

    drawn = _tick(dashboard_ui, home)
    assert _asked(drawn) == [MALL]
    assert _run("dashboard_rendering", home).success
    assert not _asked(_tick(dashboard_ui, home))
    pages = PageBook(home.home.reports)
    assert pages.made_of(MALL) == SnapshotBook(home.home.reports).digest(MALL) and len(pages.archived(MALL)) == 2

    assert _run("dashboard_rendering", home).success
    assert len(pages.archived(MALL)) == 2, "equal content is not archived again"


def test_a_digest_goes_to_slack_once(home: Settings, slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
    monkeypatch.setenv("CAFE24_QUIET_HOURS", "none")
    monkeypatch.setenv("CAFE24_DIGEST_FINDINGS", "20")
    book = PatternBook(home.home.patterns)
    confirmed = [p for p in book.current(MALL) if p.status == "confirmed"][:3]
    book.publish(MALL, confirmed)
    slack.script = [(404, "no_service", {})]
    refused = _tell(home, MALL)
    assert not refused.success and slack.calls == 1, "a lasting refusal was tried again"

    monkeypatch.setattr(policies, "WAITS", (0, 0))
    slack.script = [(429, "rate_limited", {"Retry-After": "90"})]  # longer than a call waits
    partly = _tell(home, "absent", MALL)
    assert not partly.success, "a mall that is unknown"
    assert slack.calls == 3, "what Slack did not take for the time being was not tried again"
    (body,) = slack.shown
    assert confirmed and sum("새로 확정" in str(block) for block in body["blocks"]) == len(confirmed)
    done = _tell(home, MALL, MALL)
    assert done.success and len(slack.shown) == 1, "the whole batch again told it twice"
    (made,) = done.asset_materializations_for_node("insight_digest_batch")
    assert made.metadata["status"].value == "nothing" and made.partition == MALL
    assert [e.payload["status"] for e in archived(parts.event_log(home), MALL)] == ["refused", "refused", "sent"]


def test_without_a_webhook_a_digest_goes_to_the_malls_file(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAFE24_QUIET_HOURS", "none")
    done = _tell(home, MALL)
    assert done.success
    (line,) = (home.home.reports / MALL / "digests.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["message"]["blocks"][0]["type"] == "header"
    with dagster_instance(home) as instance:  # a run's log that others share would outlive the mall's removal
        said = [entry.user_message for entry in instance.all_logs(done.run_id)]
    assert not [text for text in said if json.loads(line)["text"][:40] in text]


def test_the_digest_is_due_at_half_past_twelve_and_six(home: Settings) -> None:
    assert insight_publisher.cron_schedule == "30 12,18 * * *" and insight_publisher.execution_timezone == SEOUL
    at = datetime(2026, 11, 28, 12, 30, tzinfo=ZoneInfo(SEOUL))
    events = EventsResource(home=str(home.home.root))
    with (
        dagster_instance(home) as instance,
        dg.build_schedule_context(instance, at, resources={"events": events}) as context,
    ):
        [asked] = insight_publisher.evaluate_tick(context).run_requests or ()
    assert asked.run_config["ops"] == {"insight_digest_batch": {"config": {"malls": [MALL]}}}


@pytest.fixture
def command() -> Iterator[CliRunner]:
    yield CliRunner()


def test_the_command_writes_the_page(small_mall: Settings, command: CliRunner, tmp_path: Path) -> None:
    out, home = tmp_path / "r.html", str(small_mall.home.root)
    told = command.invoke(main, ["report", "--home", home, "--out", str(out), "--lang", "en", "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["page"] == str(out) and 'lang="en"' in out.read_text(encoding="utf-8")
    missing = command.invoke(main, ["report", "--home", str(tmp_path / "empty")])
    assert missing.exit_code == 1 and "cafe24 run" in missing.output
