"""The whole chain on a small mall: every stage has content, and contracts hold (`.ci/run` runs it twice)."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cafe24_pipelines import names
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.status import status

CAFE24 = Path(sys.executable).with_name("cafe24")


@pytest.fixture(scope="module")
def small_mall(small_mall: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the shared home: tests here run the chain and rebuild."""
    home = tmp_path_factory.mktemp("chain") / "home"
    shutil.copytree(small_mall.home.root, home)
    return dataclasses.replace(small_mall, home=type(small_mall.home)(home))


def cafe24(settings: Settings, *arguments: str, code: int = 0) -> str:
    """Run the command as a user would; its standard output (or standard error, when it should fail)."""
    env = os.environ | {"CAFE24_HOME": str(settings.home.root), "CAFE24_SANDBOX_CUSTOMERS": "300"}
    done = subprocess.run([CAFE24, *arguments], env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_every_stage_has_content(small_mall: Settings) -> None:
    state = status(small_mall, "sandbox")
    assert set(names.SHOP_TABLES) | {"documents"} <= set(state["lake"]) and all(state["lake"].values())
    assert set(names.COLLECTIONS) == set(state["vectors"]) and all(state["vectors"].values())
    assert state["graph"]["nodes"] > 165 and state["graph"]["relationships"] > 1104
    assert {"CRM_Customer", "CRM_Order", "CRM_Product", "CRM_ApiEndpoint", "CRM_Concept", "CRM_Pattern"} <= set(
        state["graph"]["by_label"]
    )
    assert state["patterns"] >= 9
    assert state["finetune"]["examples"] > 100 and state["finetune"]["tokens"] > 1000
    assert all(state["digest"].values())


def test_the_run_is_in_the_history_with_checks_passed(small_mall: Settings) -> None:
    import dagster as dg

    with dagster_instance(small_mall) as instance:
        runs = instance.get_runs()
        assert runs and all(run.status == dg.DagsterRunStatus.SUCCESS for run in runs)
        logs = instance.all_logs(runs[-1].run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [log.dagster_event.event_specific_data for log in logs]
    failed = [e.check_name for e in evaluations if not e.passed]
    assert len(evaluations) >= 24 and failed == []


def test_no_personal_data_in_any_file_of_the_home(small_mall: Settings) -> None:
    from cafe24_pipelines.sandbox.generator import sandbox_tables

    raw = sandbox_tables(customers=300, seed=small_mall.sandbox_seed)["customers"].slice(0, 40).to_pylist()
    secrets = {str(row[c]) for row in raw for c in ("member_id", "cellphone", "email") if row.get(c)}
    assert len(secrets) >= 100
    pattern = re.compile("|".join(re.escape(s) for s in sorted(secrets)).encode())
    text = re.compile(rb"[\w.+-]@sandbox")  # not `+`: pictures are long runs of such letters
    for file in small_mall.home.root.rglob("*"):
        if file.is_file():
            content = _readable(file)
            assert not pattern.search(content), file
            assert not text.search(content), file


def _readable(file: Path) -> bytes:
    """Parquet is compressed, so its rows are read; everything else is searched as it lies."""
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        return str(pq.read_table(file).to_pylist()).encode()
    return file.read_bytes()


def test_status_json_keeps_the_contract(small_mall: Settings) -> None:
    state = json.loads(cafe24(small_mall, "status", "--json"))
    assert {"mall", "graph", "vectors", "lake", "patterns", "quarantined", "digest"} <= set(state)
    assert {"nodes", "relationships", "by_label"} <= set(state["graph"])
    assert set(state["digest"]) == {"lake", "graph", "vectors", "patterns", "dataset"}


def test_patterns_json_keeps_the_contract(small_mall: Settings) -> None:
    rows = json.loads(cafe24(small_mall, "patterns", "--json"))
    assert len({r["detector"] for r in rows}) >= 9
    for row in rows:
        assert set(row) >= {
            "id", "detector", "kind", "title", "status", "effect", "p", "q", "n", "evidence", "action",
            "discovered_at",
        }  # fmt: skip
        assert row["kind"] in {"cross_domain", "web_research"}
        assert row["status"] in {"confirmed", "tentative", "insufficient_data"}
        assert set(row["effect"]) == {"name", "value", "ci_low", "ci_high"}
        assert set(row["evidence"]) >= {"query", "rows"}


def test_ask_computes_cites_and_keeps_the_contract(small_mall: Settings) -> None:
    answer = json.loads(cafe24(small_mall, "ask", "전체 기간 주문 수는 몇 건이야?", "--json"))
    assert set(answer) >= {"answer", "arm", "model", "citations", "numbers", "refused", "latency_ms", "cost_usd"}
    orders = status(small_mall, "sandbox")["lake"]["orders"]
    assert not answer["refused"] and answer["numbers"]
    assert all(set(n) - {"rows"} == {"value", "unit", "query"} for n in answer["numbers"])
    assert any(0 < n["value"] <= orders for n in answer["numbers"])


def test_ask_about_the_api_cites_the_endpoint(small_mall: Settings) -> None:
    answer = json.loads(cafe24(small_mall, "ask", "주문 목록을 조회하는 API는 뭐야?", "--json"))
    assert "GET /api/v2/admin/orders" in {c["id"] for c in answer["citations"]}


def test_search_json_is_best_first(small_mall: Settings) -> None:
    found = json.loads(cafe24(small_mall, "search", "쿠폰 발급", "--limit", "4", "--json"))
    assert [set(f) for f in found] == [{"id", "score", "title", "text"}] * 4
    assert [f["score"] for f in found] == sorted((f["score"] for f in found), reverse=True)


def test_export_writes_valid_jsonl(small_mall: Settings, tmp_path: Path) -> None:
    from cafe24_pipelines.finetune.validate import validate_file

    out = tmp_path / "train.jsonl"
    report = json.loads(cafe24(small_mall, "export", "finetune", "--out", str(out), "--json"))
    assert validate_file(out) == []
    assert len(out.read_text().splitlines()) > 100 and Path(report["validation"]).exists()


def test_doctor_finds_all_well(small_mall: Settings) -> None:
    findings = json.loads(cafe24(small_mall, "doctor", "--json"))
    assert all(f["ok"] for f in findings) and len(findings) >= 7


def test_every_metric_answers_with_finite_figures_and_its_charts(small_mall: Settings, tmp_path: Path) -> None:
    known = json.loads(cafe24(small_mall, "metrics", "--json"))
    assert {"rfm", "cohorts", "funnel", "clv", "churn"} <= {one["name"] for one in known}
    for one in known:
        report = json.loads(
            cafe24(small_mall, "metrics", one["name"], "--rows", "3", "--json"), parse_constant=pytest.fail
        )
        assert report["status"] == one["status"] in {"ok", "insufficient_data"}
        assert report["rows"] == one["rows"] and len(report["table"]) == min(3, report["rows"])
        assert report["rows"] or report["lacking"]
    drawn = json.loads(cafe24(small_mall, "metrics", "cohorts", "--charts", str(tmp_path), "--json"))["charts"]
    assert [Path(path).read_text(encoding="utf-8")[:5] for path in drawn] == ["<?xml"]


def test_metrics_and_rebuild(small_mall: Settings) -> None:
    report = json.loads(cafe24(small_mall, "metrics", "rfm", "--json"))
    assert report["status"] == "ok"
    assert report["table"][0]["segment"]
    assert sum(row["customers"] for row in report["segments"]) == report["rows"] == report["customers"]
    digest = status(small_mall, "sandbox")["digest"]["graph"]
    assert json.loads(cafe24(small_mall, "rebuild", "graph", "--json"))["digest"] == digest


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["status", "--home", "{file}"], "not a folder"),
        (["run", "--source", "csv"], "--path"),
        (["run", "--source", "csv", "--path", "{missing}"], "no such file"),
        (["run", "--source", "api"], "name your mall with --mall"),
        (["sync", "--mall", "myshop"], "CAFE24_ENCRYPTION_KEY"),
        (["authorize", "--mall", "myshop"], "CAFE24_CLIENT_ID"),
        (["run", "--mall", "nobody"], "nobody"),
        (["ask", "주문 수는?", "--arm", "finetuned"], "fine-tuned"),
        (["metrics", "ltv"], "choose one of"),
        (["search", "주문", "--mall", "empty"], "cafe24 run"),
    ],
)
def test_errors_are_one_clear_line(small_mall: Settings, tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "a-file").write_text("")
    filled = [a.format(missing=tmp_path / "missing", file=tmp_path / "a-file") for a in arguments]
    error = cafe24(small_mall, *filled, code=1)
    assert len(error.strip().splitlines()) == 1 and error.startswith("cafe24: ")
    assert says in error


def test_the_ui_says_when_its_port_is_taken(small_mall: Settings) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        error = cafe24(small_mall, "ui", "--port", str(taken.getsockname()[1]), code=1)
    assert "taken" in error and len(error.strip().splitlines()) == 1
