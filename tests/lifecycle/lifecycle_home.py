"""A home in which every room holds something of two malls, each with a mark of its own that the other never has."""

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from cafe24_pipelines import parts
from cafe24_pipelines.answers.answer_cache import AnswerCache
from cafe24_pipelines.answers.verified import AnswerBook, VerifiedAnswer
from cafe24_pipelines.cafe24.admin_api.oauth import TokenSet
from cafe24_pipelines.cafe24.admin_api.tokens import TokenKeeper, token_keeper
from cafe24_pipelines.cafe24.contacts import ContactTable
from cafe24_pipelines.cafe24.landing import land_shop
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern, PatternBook
from cafe24_pipelines.experiments.store import ExperimentBook
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.lifecycle.plan import spend
from cafe24_pipelines.lifecycle.state import AUTHORIZED, INSTALLED, ONBOARDED
from cafe24_pipelines.names import API_DOCS
from cafe24_pipelines.partitions import mall_arms, malls
from cafe24_pipelines.serving.keys import KeyRing
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.events import Event
from cafe24_pipelines.stores.files import Published
from cafe24_pipelines.stores.graph import GraphSchema, LabelSpec, Nodes
from cafe24_pipelines.stores.records import Record
from cafe24_pipelines.stores.vectors import Point, Sparse

LEAVER, STAYER = "leaver", "stayer"
MARK = {LEAVER: "CANARYLEAVER-말없이-떠나는", STAYER: "CANARYSTAYER-오래-남는"}
"""Stands in names, texts, payloads and previews of the mall, and nowhere else."""
START = datetime(2026, 3, 1, tzinfo=UTC)


def home_settings(root: Path, **env: str) -> Settings:
    """Settings whose malls' Admin API is a port on this machine that nobody listens on."""
    nobody = {"CAFE24_API_URL": "http://127.0.0.1:9/{mall_id}", "CAFE24_SANDBOX_CUSTOMERS": "20"}
    return Settings.from_env(nobody | {"CAFE24_CLIENT_ID": "us", "CAFE24_CLIENT_SECRET": "s"} | env, home=root)


def fill(settings: Settings, mall_id: str) -> None:
    """Something of the mall in every room, its databases and Dagster's."""
    register(settings.home, Mall(mall_id))  # the sandbox's rows, under this name
    _landed(settings, mall_id)
    _built(settings, mall_id)
    _said(settings, mall_id)
    _ran(settings, mall_id)


def _landed(settings: Settings, mall_id: str) -> None:
    mark, lake = MARK[mall_id], parts.mall_lake(settings, mall_id)
    land_shop(Mall(mall_id), lake, settings)
    products = lake.read("products").drop_columns(["mall_id"])
    names = pa.array([f"{mark} {n}" for n in range(products.num_rows)])
    place = products.column_names.index("product_name")
    lake.land("products", products.set_column(place, "product_name", names), snapshot=True)
    api = parts.api_lake(settings, mall_id)
    body = json.dumps({"memo": mark}, ensure_ascii=False)
    for version in ("1", "2"):
        row = Record("1/7", "all", None, f'{body[:-1]},"v":{version}}}'.encode(), None, text_digest(body, version))
        api.of("products").commit([row])
    api.quarantine("orders", "2026-03", [{"reason": "no date", "field": "order_date", "row": body, "amount": None}])
    key = pseudonyms(settings, mall_id).of("member-1") or ""
    ContactTable(settings, mall_id).put_many({key: {"member_id": "member-1", "name": "김하늘"}})


def _built(settings: Settings, mall_id: str) -> None:
    mark, home = MARK[mall_id], settings.home
    schema = GraphSchema((LabelSpec("CRM_Mall", {"name": "STRING"}),), ())
    graph = parts.graph_store(settings)
    row = {"uid": [f"{mall_id}-1"], "mall_id": [mall_id], "name": [mark]}
    graph.stage(mall_id, schema, [Nodes("CRM_Mall", pa.table(row))], build_id="1")
    graph.publish(mall_id, [], build_id="1", digest="1")
    graph.close()
    vectors = parts.vector_store(settings)
    point = Point("00000000-0000-4000-8000-000000000001", (1.0, 0.0), Sparse((1,), (1.0,)), {"text": mark})
    vectors.publish(mall_id, API_DOCS, [point], dense_size=2, build_id="1", digest="1")
    vectors.close()
    for name in (f"encoders/malls/{mall_id}.json", f"encoders/versions/lsa-{mall_id}/encoder.json"):
        path = home.vectors / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"current": f"lsa-{mall_id}", "kept": [], "vocabulary": [mark]}))
    found = Pattern(
        f"p-{mall_id}", "d", "cross_domain", mark, "confirmed", Effect("lift", 2.0, 1.5, 2.5), 0.001, 0.01, 100,
        Evidence("SELECT 1", [{"name": mark}]), mark, "2026-03-01T00:00:00+00:00",
    )  # fmt: skip
    PatternBook(home.patterns).publish(mall_id, [found])
    key = str(parts.mall_lake(settings, mall_id).read("customers").column("member_key")[0])
    answer = VerifiedAnswer(f"{mark}?", f"{mark}: {key}", "computed", (), (), "s", "rerun")
    AnswerBook(home.answers).publish(mall_id, [answer])
    ExperimentBook(home.experiments).publish(mall_id, "questions", [{"question_id": "1", "text": mark}], set="1")
    rooms = [room / mall_id for room in (home.datasets, home.research, home.reports)]
    for room in [*rooms, *(home.analytics / mall_id / name for name in ("rfm", "sales_report"))]:
        store = Published(room)
        staging = store.staging("1")
        (staging / "page.html").write_text(f"<p>{mark} {key}</p>", encoding="utf-8")
        columns = {"member_key": [key]} if room.name == "rfm" else {"month": [mark]}
        pq.write_table(pa.table(columns), staging / "table.parquet")
        store.publish(staging, "1", {"note": mark, "digest": "1", "summary": {"status": "ok"}, "rows": 1})


def _said(settings: Settings, mall_id: str) -> None:
    mark, log = MARK[mall_id], parts.event_log(settings)
    kinds = (AUTHORIZED, INSTALLED, ONBOARDED, "feedback.received", "pattern.observed")
    log.append([Event(f"{mall_id}:{kind}", mall_id, kind, START, {"note": mark}) for kind in kinds])
    log.move_cursor(f"webhook-window:{mall_id}", 1)
    KeyRing(log).add(mall_id, name="a client")
    cache = AnswerCache(settings.home.answer_cache, mall_id, 10)
    cache.put(cache.key("m", "", [{"role": "user", "content": mark}], {}), "m", mark)
    spend(replace(settings, default_plan="free"), log, mall_id, "question")
    give_tokens(settings, mall_id)
    with (settings.home.root / "alerts.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"mall": mall_id, "title": mark}, ensure_ascii=False) + "\n")


def give_tokens(settings: Settings, mall_id: str, pair: TokenSet | None = None) -> TokenKeeper:
    """A stored pair, of a mall that answers or not."""
    now = datetime.now(UTC).timestamp()
    keeper = token_keeper(settings, mall_id)
    keeper.install(pair or TokenSet("a", "r", now + 7200, now + 14 * 86_400, issued_at=now, client_id="us"))
    return keeper


@dg.asset(partitions_def=malls)
def preview(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """An asset whose metadata shows the mall's values, and whose log does."""
    mark = MARK.get(context.partition_key, context.partition_key)
    context.log.info(f"read {mark}")
    return dg.MaterializeResult(metadata={"preview": mark, "table": dg.MetadataValue.md(f"| {mark} |")})


@dg.asset_check(asset=preview)
def evidence(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """A check whose evaluation shows a row; Dagster keeps evaluations when it deletes their run."""
    return dg.AssetCheckResult(passed=True, metadata={"row": MARK.get(context.run.tags["dagster/partition"], "")})


@dg.asset(partitions_def=mall_arms)
def arm_preview(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """The same for a partition that has the mall as one of its dimensions."""
    return dg.MaterializeResult(metadata={"preview": MARK[str(context.partition_key).split("|")[1]]})


def _ran(settings: Settings, mall_id: str) -> None:
    with dagster_instance(settings) as instance:
        instance.add_dynamic_partitions("malls", [mall_id])
        assert dg.materialize([preview, evidence], instance=instance, partition_key=mall_id).success
        both = dg.MultiPartitionKey({"mall": mall_id, "arm": "rag"})
        assert dg.materialize([arm_preview], instance=instance, partition_key=both).success


def of_mall(settings: Settings, mall_id: str) -> dict[str, str]:
    """A digest of everything of a mall: its files by place, its rows by table."""
    found = {}
    for path in sorted(p for p in settings.home.root.rglob("*") if p.is_file()):
        place = path.relative_to(settings.home.root)
        theirs = len(place.parts) > 1 and place.parts[0] != "dagster" and mall_id in place.as_posix()
        if theirs and path.read_bytes()[:16] != b"SQLite format 3\0":
            found[place.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    for name in ("events.db", "state.db", "answer_cache.db"):
        with closing(sqlite3.connect(settings.home.root / name)) as db:
            for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
                if "mall_id" in columns:
                    rows = db.execute(f'SELECT * FROM "{table}" WHERE mall_id = ? ORDER BY 1', [mall_id]).fetchall()
                    found[f"{name}: {table}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


def stages(settings: Settings) -> dict[str, Any]:
    """Every mall's stage."""
    from cafe24_pipelines.lifecycle.state import mall_states

    return {mall: state.stage for mall, state in mall_states(parts.event_log(settings)).items()}
