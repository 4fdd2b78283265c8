"""The code location as a whole: it loads, and every asset, check and workflow says what a newcomer needs."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from cafe24_pipelines import names
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.stores.schemas import TABLES

LINEAGE = {
    "cafe24_api_docs": {"api_docs"},
    "cafe24_crm_knowledge": {"crm_articles"},
    "patterns": {"ontology_facts", "rfm", "events", "web_research"},
    "benchmark_comparison": {"patterns", "web_research"},
    "web_research": set(),
    "heartbeat": set(),
    "readiness": set(),
    "model_warmth": set(),
    "ontology_graph": {"ontology_facts", "patterns"},
    "cafe24_insights": {"patterns", "cafe24_api_docs", "cafe24_crm_knowledge"},
    "verified_answers": {"ontology_graph", "cafe24_api_docs", "cafe24_crm_knowledge", "cafe24_insights"},
    "learning_candidates": {"verified_answers"},
    "finetune_dataset": {"verified_answers", "learning_candidates", "patterns", "api_docs", "crm_articles"},
    "generated_code": {"cafe24_api_docs"},
    "api_recipes": set(),
    "retrieval_settings": {"cafe24_api_docs", "cafe24_crm_knowledge"},
    "ab_questions": {*names.SHOP_TABLES, "api_docs"},
    "ab_answers": {"ab_questions", "ontology_graph", "cafe24_api_docs", "cafe24_crm_knowledge", "cafe24_insights"},
    "ab_scores": {"ab_answers"},
    "ab_report": {"ab_scores"},
    "ontology_health": {"ontology_graph"},
    "churn_signals": {"churn", "customer_360"},
    "day_summary": {"orders", "reviews", "stock_alerts", "patterns"},
    "week_retrospective": {"orders", "reviews", "patterns"},
}
API_ASSETS = {f"admin_api/{name}" for name in (*names.API_RESOURCES, "order_history")}
ANALYSES = {
    "rfm", "cohorts", "repurchase_cycle", "next_order", "funnel", "customer_360", "sales_report", "stock_alerts",
    "campaign_response", "market_basket", "recommendations", "segments", "review_sentiment", "clv", "churn",
}  # fmt: skip
LINEAGE |= {
    "dashboard_snapshot": {*ANALYSES, "patterns", "benchmark_comparison", "ontology_graph"},
    "dashboard_page": {"dashboard_snapshot"},
    "insight_digest": {*ANALYSES, "patterns"},
}
ASSETS = {*API_ASSETS, *names.SHOP_TABLES, *LINEAGE, *ANALYSES, "api_docs", "crm_articles", "ontology_facts"}


@pytest.fixture(scope="module")
def defs() -> Iterator[dg.Definitions]:
    with dg.DagsterInstance.ephemeral():  # what another test's instance left behind is not asked for state
        yield build_defs()


def test_definitions_load(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_the_assets_are_these_and_depend_on_these(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert {k.to_user_string() for k in graph.get_all_asset_keys()} == ASSETS
    for name, parents in LINEAGE.items():
        assert {p.to_user_string() for p in graph.get(dg.AssetKey(name)).parent_keys} == parents, name


def test_documents_reach_the_data_set_through_vectors_graph_and_patterns(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    chain = ["api_docs", "cafe24_api_docs", "ontology_facts", "patterns", "finetune_dataset"]
    for parent, child in itertools.pairwise(chain):
        assert dg.AssetKey(parent) in graph.get(dg.AssetKey(child)).parent_keys


def test_every_shop_table_says_which_api_resources_it_is_made_of(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for table in names.SHOP_TABLES:
        parents = {p.to_user_string() for p in graph.get(dg.AssetKey(table)).parent_keys}
        assert parents and parents <= API_ASSETS, table


def test_a_back_fill_is_by_mall_and_month_and_no_other_job_runs_it(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    history = dg.AssetKey(["admin_api", "order_history"])
    partitions = graph.get(history).partitions_def
    assert isinstance(partitions, dg.MultiPartitionsDefinition)
    assert {d.name for d in partitions.partitions_defs} == {"mall", "month"}
    with_it = {
        job.name
        for job in defs.resolve_all_job_defs()
        if not job.name.startswith("__") and history in job.asset_layer.executable_asset_keys
    }
    assert with_it == {"order_backfill"}


def test_the_comparison_is_by_mall_and_arm_and_no_chain_runs_it(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    compared = {dg.AssetKey(name) for name in ("ab_questions", "ab_answers", "ab_scores", "ab_report")}
    for name in ("ab_answers", "ab_scores"):
        partitions = graph.get(dg.AssetKey(name)).partitions_def
        assert isinstance(partitions, dg.MultiPartitionsDefinition)
        arms = next(d.partitions_def for d in partitions.partitions_defs if d.name == "arm")
        assert tuple(arms.get_partition_keys()) == names.ARMS
    with_it = {
        job.name
        for job in defs.resolve_all_job_defs()
        if not job.name.startswith("__") and compared & set(job.asset_layer.executable_asset_keys)
    }
    assert with_it == {"comparison", "comparison_report"}


def test_the_api_assets_are_the_resources_that_a_sync_reads(defs: dg.Definitions) -> None:
    from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES

    assert list(names.API_RESOURCES) == [r.name for r in RESOURCES.values() if r.default]


def test_every_asset_is_described_grouped_owned_and_partitioned_by_mall(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        if spec.key == dg.AssetKey(["admin_api", "order_history"]):
            continue
        if spec.key.to_user_string() in ("web_research", "heartbeat", "readiness", "model_warmth"):  # of no mall
            assert spec.partitions_def is None and spec.description and spec.owners
            continue
        by_arm = spec.key.to_user_string() in ("ab_answers", "ab_scores")
        assert spec.description, spec.key
        assert spec.group_name != "default", spec.key
        assert spec.owners and spec.kinds and len(spec.kinds) <= 3, spec.key
        kind = dg.MultiPartitionsDefinition if by_arm else dg.DynamicPartitionsDefinition
        assert isinstance(spec.partitions_def, kind), spec.key


def test_what_is_of_no_mall_is_in_no_chain_and_has_a_job_of_its_own(defs: dg.Definitions) -> None:
    alone = {"heartbeat": "heartbeat_beat", "readiness": "readiness_check", "model_warmth": "model_warming"}
    for job in defs.resolve_all_job_defs():
        if job.name.startswith("__"):
            continue
        made = {k.to_user_string() for k in job.asset_layer.executable_asset_keys}
        assert made & set(alone) == ({n for n, own in alone.items() if own == job.name}), job.name


def test_every_asset_tries_again_after_a_passing_error_alone(defs: dg.Definitions) -> None:
    from cafe24_pipelines.assets import all_assets

    for asset in all_assets:
        assert asset.op.retry_policy or hasattr(asset.op.compute_fn.decorated_fn, "tries_again"), asset.op.name  # type: ignore[union-attr]


def test_every_shop_table_has_a_blocking_contract_and_a_warning_observation(defs: dg.Definitions) -> None:
    checks = {(key.asset_key.to_user_string(), key.name) for key in defs.resolve_asset_graph().asset_check_keys}
    assert {(t, kind) for t in names.SHOP_TABLES for kind in ("contract", "observation")} <= checks


def test_shop_tables_and_lake_schemas_agree() -> None:
    assert {*names.SHOP_TABLES, "documents"} == set(TABLES)


def test_schedules_run_in_seoul_and_wait_to_be_started(defs: dg.Definitions) -> None:
    for schedule in defs.schedules or []:
        assert isinstance(schedule, dg.ScheduleDefinition)
        assert schedule.execution_timezone == names.SEOUL
        assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
        assert schedule.description


def test_dg_check_defs_passes(tmp_path: Path) -> None:
    # An instance of its own: without one, dg takes the root dagster.yaml, which is the server profile's and wants
    # PostgreSQL.
    dg_command = Path(sys.executable).with_name("dg")
    env = os.environ | {"PYTHONWARNINGS": "ignore", "DAGSTER_HOME": str(tmp_path)}
    done = subprocess.run(
        [dg_command, "check", "defs"],
        cwd=Path(__file__).parents[1],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
