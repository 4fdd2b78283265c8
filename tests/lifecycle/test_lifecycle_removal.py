"""A removed mall is nowhere, wherever it was killed on the way; the other mall is as it was."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import Mall, known_malls, register
from cafe24_pipelines.errors import BadInput, Cafe24Error
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.lifecycle.export import export_mall, packed
from cafe24_pipelines.lifecycle.proof import own
from cafe24_pipelines.lifecycle.removal import RemovalReport, remove_mall
from cafe24_pipelines.lifecycle.state import mall_state
from cafe24_pipelines.sensors.run_history import MALL_TAG, forget_mall, refuse_while_under_way
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import write_atomic

from .lifecycle_home import LEAVER, MARK, STAYER, fill, home_settings, of_mall, preview

HERE = Path(__file__).parent


def canary_search() -> ModuleType:
    """The search of the proofs, which shares nothing with the removal's own."""
    spec = importlib.util.spec_from_file_location("canary_search", HERE.parent / "proofs" / "canary_search.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def hits(settings: Settings, *needles: str) -> list[Any]:
    return list(canary_search().Search(needles).below(settings.home.root))


def member_keys(settings: Settings, mall_id: str) -> list[str]:
    return parts.mall_lake(settings, mall_id).read("customers").column("member_key").to_pylist()


def remove(settings: Settings, progress: Any = None) -> RemovalReport:
    """As the command and the run do it."""
    with dagster_instance(settings) as instance:
        refuse_while_under_way(instance, LEAVER)
        return remove_mall(
            settings, LEAVER, history=lambda mall: forget_mall(instance, settings, mall), progress=progress
        )


def check_gone(settings: Settings, keys: list[str], other: dict[str, str]) -> None:
    assert hits(settings, MARK[LEAVER], "CANARYLEAVER", *keys) == []
    assert mall_state(parts.event_log(settings), LEAVER).stage == "removed"
    events = parts.event_log(settings).read(LEAVER)
    assert {e.type for e in events} == {"mall.removal_started", "mall.removed"}
    assert all(e.payload == {} for e in events), "a tombstone holds no content"
    assert known_malls(settings.home).keys() == {"sandbox", STAYER}
    left = [p for p in settings.home.root.rglob("*") if p.name == LEAVER or p.name.startswith(f"{LEAVER}.")]
    assert left == [], "not even empty folders"
    with dagster_instance(settings) as instance:
        assert instance.get_dynamic_partitions("malls") == [STAYER]
        assert {run.tags["dagster/partition"] for run in instance.get_runs()} == {STAYER, f"rag|{STAYER}"}
        assert instance.get_latest_materialization_event(dg.AssetKey("preview")), "the other mall's takes over"
    assert of_mall(settings, STAYER) == other


@pytest.mark.slow
def test_everything_of_a_mall_goes_and_nothing_of_another(home: Settings) -> None:
    keys, other, log = member_keys(home, LEAVER), of_mall(home, STAYER), parts.event_log(home)
    places = {hit.file.split("/")[1] for hit in hits(home, MARK[LEAVER], *keys)}
    assert places >= {
        "lake", "graph", "vectors", "patterns", "answers", "experiments", "analytics", "datasets", "research",
        "reports", "events.db", "answer_cache.db", "dagster", "alerts.jsonl",
    }, f"the search must see what it is to miss afterwards: {places}"  # fmt: skip
    last = max(e.seq for e in log.read(STAYER))
    report = remove(home)
    assert report.searched_for > 20
    assert report.removed["dagster: runs"] == 2 and report.removed["events.db: events"] >= 6
    assert {"state.db: tokens", "state.db: plan_usage", "answer_cache.db: replies"} <= report.removed.keys()
    check_gone(home, keys, other)
    assert hits(home, MARK[STAYER]), "the other mall is there"
    assert min(e.seq for e in log.read(LEAVER)) > last, "places in the log are not given again"
    before = of_mall(home, LEAVER)
    assert remove(home).removed == {} and of_mall(home, LEAVER) == before, "again changes nothing"


@pytest.mark.slow
def test_a_removal_that_stops_anywhere_ends_when_it_is_asked_again(two_lives: Settings, tmp_path: Path) -> None:
    steps: list[str] = []
    shutil.copytree(two_lives.home.root, tmp_path / "whole")
    remove(home_settings(tmp_path / "whole"), steps.append)
    assert len(steps) >= 10
    for n in range(0, len(steps), 2):  # every other step, so that this test stays short
        settings = home_settings(tmp_path / str(n))
        shutil.copytree(two_lives.home.root, settings.home.root)
        keys, other = member_keys(settings, LEAVER), of_mall(settings, STAYER)
        said: list[str] = []

        def stop(line: str, said: list[str] = said, n: int = n) -> None:
            said.append(line)
            if len(said) > n:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            remove(settings, stop)
        assert mall_state(parts.event_log(settings), LEAVER).stage == "removing"
        remove(settings)
        check_gone(settings, keys, other)
        shutil.rmtree(settings.home.root)


KILLED = """
import os, signal, sys
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.lifecycle import removal, rows
from cafe24_pipelines.sensors.run_history import MALL_TAG, forget_mall, refuse_while_under_way
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import write_atomic
settings, where = Settings.from_env(), sys.argv[1]
def die(*a, **k): os.kill(os.getpid(), signal.SIGKILL)
if where == "files": removal._remove_encoders = die
if where == "pages": rows.compact = die
with dagster_instance(settings) as instance:
    removal.remove_mall(settings, "leaver", history=lambda m: die() if where == "history" else {})
"""


@pytest.mark.parametrize("where", ["files", "pages", "history"])
@pytest.mark.slow
def test_a_killed_process_leaves_what_the_next_one_ends(home: Settings, where: str) -> None:
    keys, other = member_keys(home, LEAVER), of_mall(home, STAYER)
    env = os.environ | {"CAFE24_HOME": str(home.home.root), "CAFE24_API_URL": home.api_url, "CAFE24_CLIENT_ID": "us",
                        "CAFE24_CLIENT_SECRET": "s"}  # fmt: skip
    killed = subprocess.run([sys.executable, "-c", KILLED, where], env=env, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    remove(home)
    check_gone(home, keys, other)


def test_a_trace_that_is_left_keeps_the_removal_open(home: Settings) -> None:
    key = member_keys(home, LEAVER)[0]
    stray = home.home.root / "somewhere" / "notes.txt"
    stray.parent.mkdir()
    keys = "\n".join(member_keys(home, LEAVER))
    stray.write_text(f"a program of theirs wrote {key}\n{keys}")
    with pytest.raises(Cafe24Error, match=r"somewhere/notes.txt"):
        remove(home)
    assert mall_state(parts.event_log(home), LEAVER).stage == "removing"
    stray.unlink()
    remove(home)
    assert hits(home, key) == []


def test_a_mall_that_comes_back_begins_anew(home: Settings) -> None:
    keys = member_keys(home, LEAVER)
    remove(home)
    fill(home, LEAVER)
    state = mall_state(parts.event_log(home), LEAVER)
    assert state.stage == "removed", "events older than the removal change nothing"
    assert not set(member_keys(home, LEAVER)) & set(keys), "a new key: nobody is linked with who they were before"


def test_the_export_holds_results_and_no_member(home: Settings, tmp_path: Path) -> None:
    keys, log = member_keys(home, LEAVER), parts.event_log(home)
    made = export_mall(home, log, LEAVER, reason="e1")
    assert packed(home, LEAVER)[0] == made.path.read_bytes(), "the same content, the same bytes"
    with zipfile.ZipFile(made.path) as archive:
        assert {"patterns.json", "answers.jsonl", "읽어보기.txt"} <= set(archive.namelist())
        tables = [name for name in archive.namelist() if name.endswith(".csv")]
        assert tables == ["analyses/sales_report/table.csv"], "a table with a row a member is left out"
        assert any(name.startswith("reports/") for name in archive.namelist())
        text = "".join(archive.read(name).decode() for name in archive.namelist())
    assert MARK[LEAVER] in text and "(회원)" in text and MARK[STAYER] not in text
    assert not [key for key in keys if key in text]
    (event,) = log.read(LEAVER, types=("mall.exported",))
    assert home.home.root / event.payload["path"] == made.path and event.payload["sha256"] == made.sha256
    assert json.loads(json.dumps(event.payload))["until"] == made.until.isoformat(timespec="seconds")


def test_a_run_under_way_holds_the_removal_up_before_anything_is_removed(home: Settings) -> None:
    there = of_mall(home, LEAVER)
    with dagster_instance(home) as instance:
        job = dg.Definitions(assets=[preview], jobs=[dg.define_asset_job("a_job", selection=[preview])])
        a_job = job.resolve_job_def("a_job")
        status = dg.DagsterRunStatus
        run = instance.create_run_for_job(a_job, tags={"dagster/partition": LEAVER}, status=status.STARTED)
        instance.create_run_for_job(a_job, tags={"dagster/partition": LEAVER}, status=status.NOT_STARTED)
        instance.create_run_for_job(a_job, tags={MALL_TAG: LEAVER}, status=status.SUCCESS)
    with pytest.raises(Cafe24Error, match="under way"):
        remove(home)
    assert of_mall(home, LEAVER) == there
    with dagster_instance(home) as instance:
        instance.report_run_canceled(run)
    remove(home)
    assert hits(home, MARK[LEAVER]) == [], "in evaluations of checks neither, which outlive their run"
    with dagster_instance(home) as instance:
        tags = [run.tags for run in instance.get_runs()]
    assert len(tags) == 2 and LEAVER not in str(tags), "what has not begun never does"


def test_what_other_malls_have_too_is_no_trace(tmp_path: Path) -> None:
    settings = home_settings(tmp_path / "home")
    lake = settings.home.lake
    for mall_id, text in ((LEAVER, "오버핏 코튼 셔츠"), (STAYER, "오버핏 코튼 셔츠 2종, 배송이 빨라요! " + "f" * 32)):
        (lake / mall_id).mkdir(parents=True)
        (lake / mall_id / "notes.txt").write_text(text, encoding="utf-8")
    pq.write_table(pa.table({"order_id": ["20260301-0000012"]}), lake / STAYER / "orders.parquet")
    mine = ["f" * 32, "이 몰에만 있는 상품"]
    assert own(settings, LEAVER, [*mine, "오버핏 코튼 셔츠", "배송이 빨라요", "20260301-0000012"]) == mine


def test_what_all_malls_share_is_nobody_s_part(tmp_path: Path) -> None:
    settings = home_settings(tmp_path / "home")
    for mall_id in ("sealing", "encoders", "rag"):
        with pytest.raises(BadInput, match="share"):
            register(settings.home, Mall(mall_id))
    for name in ("sealing.key", f".{LEAVER}.key.x1", f"{LEAVER}.key", "leaver-2.key"):
        write_atomic(settings.home.keys / name, "ab" * 32)
    assert remove_mall(settings, LEAVER).removed == {"keys": 2}, "a killed write's half goes, too"
    assert remove_mall(settings, "sealing").removed == {}
    assert {p.name for p in settings.home.keys.iterdir()} == {"sealing.key", "leaver-2.key"}


def test_an_alert_about_several_malls_loses_what_it_says_of_one(tmp_path: Path) -> None:
    settings = home_settings(tmp_path / "home")
    lines = [f"{mall_id} (일시적): X" for mall_id in (LEAVER, STAYER)]
    alert = {"mall": "_operations", "title": "쇼핑몰 2곳", "lines": lines}
    write_atomic(settings.home.root / "crm.jsonl", json.dumps(alert, ensure_ascii=False) + "\n")
    remove_mall(settings, LEAVER)
    left = (settings.home.root / "crm.jsonl").read_text(encoding="utf-8")
    assert LEAVER not in left and json.loads(left)["lines"] == lines[1:]


def test_cursors_of_sensors_lose_a_removed_mall_and_keep_the_others(tmp_path: Path) -> None:
    from dagster._core.remote_origin import (
        InProcessCodeLocationOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.scheduler.instigation import (
        InstigatorState,
        InstigatorStatus,
        InstigatorType,
        SensorInstigatorData,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    from cafe24_pipelines.sensors.watching import read_asked, runs_for_changes, write_asked

    def state(name: str, cursor: str) -> InstigatorState:
        location = InProcessCodeLocationOrigin(LoadableTargetOrigin(python_file="x.py"), location_name="x")
        origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "repo"), name)
        data = SensorInstigatorData(cursor=cursor)
        return InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)

    settings = home_settings(tmp_path / "home")
    asked = write_asked({LEAVER: "1", STAYER: "2"})
    with dagster_instance(settings) as instance:
        instance.add_instigator_state(state("watching", asked))
        instance.add_instigator_state(state("inbox", json.dumps({"v": 1, "after": 7, "tokens": [LEAVER, STAYER]})))
        instance.add_instigator_state(state("automation", "eJx-not-ours"))
        assert forget_mall(instance, settings, LEAVER)["dagster: cursors"] == 2
        held = [s.instigator_data.cursor for s in instance.all_instigator_state()]
        assert set(held) == {
            "eJx-not-ours", write_asked({STAYER: "2"}), json.dumps({"v": 1, "after": 7, "tokens": [STAYER]})
        }  # fmt: skip
        files = [p for p in settings.home.dagster.rglob("*") if p.is_file() and LEAVER.encode() in p.read_bytes()]
        assert files == [], "nor in freed pages"
    with dg.build_sensor_context(cursor=asked) as context:  # a tick that was under way has put it back
        told = runs_for_changes(context, {STAYER: "2"}, lambda m, _: dg.RunRequest(partition_key=m), nothing="none")
    assert isinstance(told, dg.SensorResult) and not told.run_requests and told.skip_reason
    assert read_asked(told.cursor) == {STAYER: "2"}


def test_grace_days_are_settings() -> None:
    assert replace(home_settings(Path("x")), grace_days=3).grace_days == 3
    assert Settings.from_env({"CAFE24_GRACE_DAYS": "30"}, home="x").grace_days == 30
