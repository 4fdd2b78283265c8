"""Nothing personal reaches a file or a log in the clear: a mall of canaries is read, worked on, and looked for."""

import gzip
import importlib.util
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
from cafe24_pipelines.cafe24.contacts import ContactTable
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall
from cafe24_pipelines.sandbox.server.running import RunningSandbox
from cafe24_pipelines.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
COMMAND = """
import sys
from cafe24_pipelines.cafe24.admin_api import client, tokens
from cafe24_pipelines.cafe24.admin_api.clock import FastClock
clock = FastClock(60, float(sys.argv[1]))
client.SystemClock = tokens.SystemClock = lambda: clock
sys.argv = ["cafe24", *sys.argv[2:]]
from cafe24_pipelines.cli import main
main()
"""
"""A user's command, but for the clock that keeps the pace of calls: waiting for the API's limits proves nothing."""
ORIGIN = time.time()
MALL, MEMBERS, WEBHOOK_KEY = "birdhouse", 60, "the-key-of-the-developer-centre"
FAULTS = {"malformed_rate": 0.15, "unknown_field_rate": 0.3, "error_rate": 0.04, "truncate_rate": 0.02}
READ_WITH_FAULTS = "customers_privacy,orders,refunds,products,articles,coupons,coupon_issues,points,credits"


def by_path(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mall_of, search_of = by_path("canary_mall"), by_path("canary_search")


@dataclass
class Installation:
    """One home, what its commands said, and how the mall is reached from it."""

    root: Path
    env: dict[str, str]
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.env, home=self.root / "home")

    @property
    def said(self) -> Path:
        return self.root / "said"

    def begin(self, step: str, *command: str) -> subprocess.Popen[bytes]:
        """A command of a user, with everything it says kept."""
        self.said.mkdir(exist_ok=True)
        env = {**os.environ, **self.env, "CAFE24_HOME": str(self.root / "home"), "TMPDIR": str(self.root / "tmp")}
        (self.root / "tmp").mkdir(exist_ok=True)
        with (self.said / f"{step}.out").open("wb") as out, (self.said / f"{step}.err").open("wb") as err:
            arguments = [sys.executable, "-c", COMMAND, str(ORIGIN), *command]
            return subprocess.Popen(arguments, env=env, stdout=out, stderr=err, cwd=self.root)

    def words_of(self, step: str) -> str:
        return "".join((self.said / f"{step}.{kind}").read_text(errors="replace") for kind in ("out", "err"))

    def report_of(self, step: str) -> dict[str, Any]:
        return dict(json.loads((self.said / f"{step}.out").read_text()))


@dataclass
class Birdhouse:
    """The mall, and two installations that read it: one keeps no contacts, one opted in."""

    mall: Any
    plain: Installation
    opted: Installation

    @property
    def both(self) -> tuple[Installation, Installation]:
        return self.plain, self.opted


@pytest.fixture(scope="module")
def birdhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Birdhouse]:
    root = tmp_path_factory.mktemp("canaries")
    mall = mall_of.CanaryMall(SandboxMall.build(root / "mall.db", customers=MEMBERS, seed=19))
    with RunningSandbox(mall, limits=False, approved=True, token_calls=0, mall_ids=(MALL,)) as server:
        made = []
        for name in ("plain", "opted"):
            (root / name).mkdir()
            env = {
                "CAFE24_API_URL": f"{server.url}/{{mall_id}}",
                "CAFE24_ANALYTICS_URL": f"{server.url}/{MALL}/analytics",
                "CAFE24_CLIENT_ID": server.config.client_id, "CAFE24_CLIENT_SECRET": server.config.client_secret,
                "CAFE24_REDIRECT_URI": server.config.redirect_uris[0], "CAFE24_WEBHOOK_KEY": WEBHOOK_KEY,
                "CAFE24_ENCRYPTION_KEY": f"a key of the {name} house", "CAFE24_MALL_ID": MALL,
                "PYTHONWARNINGS": "ignore",
            }  # fmt: skip
            made.append(Installation(root / name, env))
        house = Birdhouse(mall, *made)
        consent(house, server)
        at_once(house, "run", ["run", "--source", "api", "--json"], opted=["--keep-contacts"])
        for step, command in COMMANDS.items():
            at_once(house, step, command)
        for installation in house.both:
            receive_webhooks(installation)
        server.control.faults(**FAULTS)
        at_once(house, "faults", ["sync", "--whole", "--only", READ_WITH_FAULTS, "--json"])
        server.control.faults()
        at_once(house, "touched", ["sync", "--touched", "--json"])
        server.control.tokens("forget_all")
        at_once(house, "refused", ["sync", "--only", "orders,wish_lists", "--json"])
        yield house


COMMANDS = {
    "ask": ["ask", "가장 많이 구매한 고객은 누구이고 리뷰에서 뭐라고 했나요?"],
    "ask-again": ["ask", "취소와 반품 사유를 알려줘", "--arm", "rag", "--json"],
    "status": ["status", "--json"],
    "doctor": ["doctor"],
    "writeback": ["writeback", "group", "--segment", "챔피언", "--to", "2"],
}


def consent(house: Birdhouse, server: RunningSandbox) -> None:
    for installation in house.both:
        tokens = token_set(server.control.grant(mall_id=MALL), time.time())
        token_keeper(installation.settings, MALL).install(tokens)


def at_once(house: Birdhouse, step: str, command: list[str], *, opted: list[str] | None = None) -> None:
    """The same command in both installations, side by side."""
    running = [(one, one.begin(step, *command, *(opted or [] if one is house.opted else []))) for one in house.both]
    for one, process in running:
        one.codes[step] = process.wait(timeout=300)


def receive_webhooks(installation: Installation) -> None:
    """Events about canaries, sound and unsound, through the served app."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = installation.begin("serve", "serve", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{url}/health")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        who = {"mall_id": MALL, "event_shop_no": "1", "member_id": f"{mall_of.MARK}77"}
        told = {"name": mall_of.NAME, "cellphone": mall_of.PHONE, "extra": {"email": mall_of.mail("hook")},
                "memo": mall_of.REACH, "content": f"<p>{mall_of.REACH}</p>"}  # fmt: skip
        headers = {"X-API-Key": WEBHOOK_KEY, "Content-Type": "application/json"}
        bodies = [
            {"event_no": 90032, "resource": {**who, **told}},
            {
                "event_no": 90023,
                "resource": {**who, **told, "order_id": "20261001-0000011"},
            },
            {"event_no": 90024, "resource": {**who, "order_id": mall_of.PHONE, "product_no": mall_of.RESIDENT}},
            {"event_no": 90024, "resource": {**who, "mall_id": mall_of.NAME}},
            {"event_no": mall_of.PHONE, "resource": {**who, "no": mall_of.BIRTHDAY}},
        ]
        codes = [httpx.post(f"{url}/webhooks/cafe24", json=b, headers=headers).status_code for b in bodies]
        broken = f'{{"resource": "{mall_of.NAME}'.encode()
        codes += [httpx.post(f"{url}/webhooks/cafe24", content=broken, headers=headers).status_code]
        codes += [
            httpx.post(f"{url}/webhooks/cafe24", json=bodies[0], headers={"X-API-Key": mall_of.MARK}).status_code
        ]
        codes += [httpx.get(f"{url}/{mall_of.MARK}?name={mall_of.NAME}").status_code]
        assert codes == [200, 200, 200, 404, 200, 400, 403, 404]
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_the_chain_ran_on_canaries(birdhouse: Birdhouse) -> None:
    planted = birdhouse.mall.planted
    fields = {name for _, name in planted}
    expected = mall_of.PERSONAL | mall_of.MEMBER_IDS | mall_of.FILLED
    assert expected <= fields, sorted(expected - fields)
    for one in birdhouse.both:
        assert one.codes["run"] == 0, one.words_of("run")[-3000:]
        assert {step: one.codes[step] for step in COMMANDS} == dict.fromkeys(COMMANDS, 0), one.codes
        api = parts.api_lake(one.settings, MALL)
        counts = api.counts()
        assert counts["customers_privacy"] >= MEMBERS - 5, "a member or two may have left"
        assert all(counts[name] for name in ("orders", "articles", "points", "carts", "wish_lists", "refunds")), (
            counts
        )
        assert {name: counts[name] for name in ("orders", "products")} == {
            name: birdhouse.mall.count(name, END) for name in ("orders", "products")
        }, "no canary made a row unfit"
        hasher = pseudonyms(one.settings, MALL)
        known = {str(hasher.of(row["member_id"])) for row in birdhouse.mall.rows("customers_privacy", END)}
        assert set(api.of("customers_privacy").known()) <= known
        state = one.report_of("run")
        assert state["graph"]["by_label"]["CRM_Customer"] > MEMBERS // 2


def test_faults_led_to_quarantine_and_errors(birdhouse: Birdhouse) -> None:
    for one in birdhouse.both:
        resources = one.report_of("faults")["resources"]
        assert sum(r["quarantined"] for r in resources.values()) > 20, one.words_of("faults")[-2000:]
        held = parts.api_lake(one.settings, MALL).quarantined()
        assert held.num_rows > 20
        assert one.codes["refused"] == 1
        assert len(one.words_of("refused")) > 50


def test_no_canary_lies_in_the_clear_anywhere(birdhouse: Birdhouse) -> None:
    for one in birdhouse.both:
        search = search_of.Search(mall_of.NEEDLES)
        hits = search.below(one.root)
        assert search.files > 60
        assert hits == [], "\n".join(f"{h.file} [{h.place}] {h.needle}: …{h.around}…" for h in hits[:40])


def test_no_canary_is_in_the_graph_or_the_vectors(birdhouse: Birdhouse) -> None:
    from cafe24_pipelines.names import COLLECTIONS

    search = search_of.Search(mall_of.NEEDLES)
    for one in birdhouse.both:
        graph, vectors = parts.graph_store(one.settings), parts.vector_store(one.settings)
        try:
            nodes = graph.query(MALL, "MATCH (n) RETURN n", {})
            assert len(nodes) > 500
            assert search.in_text("\n".join(map(str, nodes)), "graph") == []
            points = [p for name in COLLECTIONS for p in vectors.points(MALL, name).values()]
            assert len(points) > 50
            assert search.in_text("\n".join(str(p.payload) for p in points), "vectors") == []
        finally:
            graph.close()
            vectors.close()


def test_only_who_has_the_key_reads_what_was_sealed(birdhouse: Birdhouse) -> None:
    plain, opted = birdhouse.both
    assert ContactTable(plain.settings, MALL).count() == 0
    assert not plain.settings.home.contacts.exists()
    table = ContactTable(opted.settings, MALL)
    keys = parts.api_lake(opted.settings, MALL).of("customers_privacy").known()
    kept = table.get_many(keys)
    assert len(kept) >= MEMBERS - 5
    for contact in kept.values():
        assert contact["name"] == mall_of.NAME
        assert contact["cellphone"] == mall_of.PHONE
        assert contact["email"] == mall_of.mail("email")
        assert contact["member_id"].startswith(mall_of.MARK)
    seal = seal_for(opted.settings, MALL, "unknown-fields")
    order = next(parts.api_lake(opted.settings, MALL).of("orders").scan_records())
    opened = json.loads(seal.open(order.sealed))
    assert opened["zz_note"] == f"{mall_of.NAME} {mall_of.STREET} {mall_of.RESIDENT}"
    assert {"buyer.zz_profile", "items[0].zz_note", "zz_list", "zz_profile"} <= opened.keys()


def test_every_spelling_would_be_found() -> None:
    search = search_of.Search(mall_of.NEEDLES)
    for text, needle in mall_of.SPELT.items():
        assert needle in text
        assert search.in_text(f"좋아요 {text} 입니다", "a review"), text
        assert search.in_text(json.dumps({"v": text}), "escaped"), text


def test_the_search_finds_what_is_there(birdhouse: Birdhouse, tmp_path: Path) -> None:
    """One canary planted in a file of each kind of a copied home: each is found, in the file where it is."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    home = tmp_path / "home"
    for name in ("analytics", "lake"):
        shutil.copytree(birdhouse.plain.root / "home" / name, home / name)
    shutil.copy(birdhouse.plain.root / "home" / "events.db", home)
    planted: list[Path] = []

    def spot(pattern: str) -> Path:
        found = next(p for p in sorted(home.rglob(pattern)) if p.is_file() and p not in planted)
        planted.append(found)
        return found

    table = pq.ParquetFile(path := spot("lake/**/part-*.parquet")).read()
    column = next(i for i, f in enumerate(table.schema) if pa.types.is_string(f.type))
    cells = [mall_of.NAME, *table.column(column).to_pylist()[1:]]
    pq.write_table(table.set_column(column, table.schema.field(column), pa.array(cells, pa.string())), path,
                   compression="zstd", write_statistics=False)  # fmt: skip
    (path := spot("*.json")).write_text(json.dumps({"v": json.loads(path.read_text()), "n": [mall_of.NAME]}))
    for number, (name, data) in enumerate(
        {
            "utf-8.log": mall_of.RESIDENT.encode(), "utf-16.log": mall_of.STREET.encode("utf-16-le"),
            "page.json.gz": gzip.compress(mall_of.NAME.encode()), "form.txt": b"name=%EB%B7%81%EC%92%A7%EC%B0%97",
            "cp949.csv": "7319-4682".encode("cp949"), mall_of.MARK: b"a name of a file",
        }.items()
    ):  # fmt: skip
        planted.append(home / f"extra-{number}" / name)
        planted[-1].parent.mkdir()
        planted[-1].write_bytes(b"\0\x01 before " + data if not name.endswith(".gz") else data)
    planted += [home / "words.npz", home / "words.npy"]
    np.savez_compressed(planted[-2], words=np.array(["a", mall_of.NAME]))
    np.save(planted[-1], np.array(["a", mall_of.MARK]))
    with closing(sqlite3.connect(spot("events.db"))) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("CREATE TABLE planted (a TEXT, b BLOB)")
        db.execute("INSERT INTO planted VALUES (?, ?)", [mall_of.BIRTHDAY, gzip.compress(mall_of.ACCOUNT.encode())])
        db.commit()
        hits = search_of.Search(mall_of.NEEDLES).below(home)
    found = {h.file.removeprefix("home/") for h in hits}
    wal = {name for name in found if name.endswith("-wal")}
    assert found - wal == {str(p.relative_to(home)) for p in planted}
    assert {h.place for h in hits if h.file == "home/events.db"} == {"table planted.a", "table planted.b, gunzipped"}
    assert wal, "and in the bytes of the write-ahead log"
