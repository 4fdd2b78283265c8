"""The built-in documents: complete, citable, bilingual, and of the lake's shape."""

import csv
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

import cafe24_pipelines
from cafe24_pipelines.knowledge.catalogue import notes, operations
from cafe24_pipelines.knowledge.documents import Document, documents_table, load_documents, read_documents
from cafe24_pipelines.knowledge.package_data import toml_table
from cafe24_pipelines.names import API_DOCS, CRM_KNOWLEDGE
from cafe24_pipelines.stores.lake import Lake
from cafe24_pipelines.stores.schemas import DOCUMENT_KINDS

MAX_BODY = 6_000
CRM_RESOURCES = [
    "orders",
    "orders-items",
    "refunds",
    "customers",
    "customers-memos",
    "customersprivacy",
    "customergroups",
    "customergroups-customers",
    "customergroups-setting",
    "products",
    "products-variants",
    "products-variants-inventories",
    "categories",
    "categories-products",
    "coupons",
    "coupons-issues",
    "customers-coupons",
    "carts",
    "products-carts",
    "customers-wishlist",
    "boards",
    "boards-articles",
    "points",
    "credits",
    "reports-salesvolume",
    "reports-hourlysales",
    "reports-productsales",
    "dashboard",
    "webhooks-setting",
    "webhooks-logs",
    "sms",
    "recipientgroups",
    "automessages-setting",
    "oauth",
]
GUIDES = [
    "guide-oauth",
    "guide-tokens",
    "guide-scopes",
    "guide-versions",
    "guide-headers",
    "guide-rate-limits",
    "guide-paging",
    "guide-order-windows",
    "guide-errors",
    "guide-write-envelope",
    "guide-webhooks",
    "guide-app-launch-hmac",
    "guide-order-status",
    "guide-coupons",
    "guide-privacy",
    "guide-points",
    "guide-analytics",
    "guide-sms-automessage",
    "guide-pitfalls",
]


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return {d.document_id: d for d in load_documents("")}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    text = (resources.files("cafe24_pipelines.knowledge") / "data/endpoints.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_enough_documents_with_unique_ids(documents: dict[str, Document]) -> None:
    loaded = load_documents("")
    assert len(loaded) == len(documents) >= 170
    kinds = Counter(d.kind for d in loaded)
    assert set(kinds) == set(DOCUMENT_KINDS)
    assert kinds["endpoint"] == 540 and kinds["article"] >= 12 and kinds["guide"] >= 19 and kinds["resource"] >= 34
    assert [d.document_id for d in loaded] == sorted(documents)


def test_every_row_of_the_catalogue_is_a_document(documents: dict[str, Document], rows: list[dict[str, str]]) -> None:
    assert len(rows) == 540
    for row in rows:
        document = documents[f"{row['method']} {row['path']}"]
        assert (document.method, document.path, document.resource) == (row["method"], row["path"], row["resource"])
        assert document.scope == row["scope"], document.document_id
        assert not row["scope"] or f"`{row['scope']}`" in document.body
    assert Counter(r["bucket"] for r in rows)["40"] == 477


@pytest.mark.parametrize("resource", CRM_RESOURCES)
def test_every_crm_resource_has_a_page(documents: dict[str, Document], resource: str) -> None:
    document = documents[f"resource-{resource}"]
    assert document.resource == resource and len(document.tags.split(",")) >= 4
    assert re.search(r"[가-힣]", document.tags) and re.search(r"[a-z]", document.tags)
    for section in ("## CRM에서 쓰는 때", "## 작업", "## 알아 둘 점"):
        assert section in document.body


@pytest.mark.parametrize("guide", GUIDES)
def test_every_guide_is_there(documents: dict[str, Document], guide: str) -> None:
    assert documents[guide].kind == "guide" and documents[guide].tags


def test_bodies_are_bilingual_and_neither_empty_nor_endless(documents: dict[str, Document]) -> None:
    for d in documents.values():
        assert 150 < len(d.body) <= MAX_BODY, d.document_id
        assert d.body.startswith("# ") and d.title in d.body.splitlines()[0]
        assert len(re.findall(r"[가-힣]", d.body)) > 40, d.document_id
        assert re.search(r"[A-Za-z]{3}", d.body), d.document_id
        assert d.title and d.source and d.tags and d.language == "ko"
        assert d.collection == (CRM_KNOWLEDGE if d.kind == "article" else API_DOCS)


def test_facts_a_merchant_asks_for(documents: dict[str, Document]) -> None:
    orders = documents["GET /api/v2/admin/orders"]
    for said in ("3개월", "15000", "limit 최대 1000", "mall.read_order", "버킷 40칸", "`start_date`"):
        assert said in orders.body, said
    assert "주문 내역" in orders.tags and "payment_amount" in orders.fields.split(",")
    assert "버킷 1칸" in documents["POST /api/v2/admin/sms"].body
    assert "`member_id` (필수)" in documents["GET /api/v2/admin/carts"].body
    assert "`display_group` (필수)" in documents["GET /api/v2/admin/categories/{category_no}/products"].body
    assert "승인을 받은 앱만" in documents["GET /api/v2/admin/reports/hourlysales"].body
    assert "발송 그룹 번호" in documents["GET /api/v2/admin/recipientgroups/{group_no}"].body
    assert "최대 200건" in documents["POST /api/v2/admin/customergroups/{group_no}/customers"].body
    assert "2시간" in documents["guide-tokens"].body and "2주" in documents["guide-tokens"].body


def test_references_between_documents_hold(documents: dict[str, Document]) -> None:
    """What a document points to exists: related operations, notes, paths quoted in guides and articles."""
    ids = {op.id for op in operations()}
    table, pages = toml_table("notes.toml"), toml_table("resources.toml")
    assert set(table["operation"]) <= ids
    assert {op.group for op in operations()} == set(table["group"])
    assert {r for page in pages.values() for r in page["related"]} <= {op.resource for op in operations()}
    assert all(i in ids for note in notes().values() for i in note.related)
    for d in documents.values():
        if d.kind != "endpoint":
            for quoted in re.findall(r"`((?:GET|POST|PUT|DELETE) (?:/api|https)\S+?)`", d.body):
                assert quoted in ids, (d.document_id, quoted)


def test_articles_cite_and_have_substance(documents: dict[str, Document]) -> None:
    for d in documents.values():
        if d.kind == "article":
            assert 1_400 <= len(d.body) <= 3_200, (d.document_id, len(d.body))
            cited = d.body.split("## 참고\n")[1]
            assert len(re.findall(r"^- ", cited, re.MULTILINE)) >= 2, d.document_id
            assert d.body.count("\n## ") >= 4
            year = re.search(r"\((\d{4})\)", d.source)
            assert year is None or year[1] in cited


def test_no_private_source_keys_or_machine_paths(documents: dict[str, Document]) -> None:
    for d in documents.values():
        text = d.body + d.source + d.tags
        assert not re.search(r"\bS[1-6]b?\b|/work/|/tmp/|\b\d{11}\b|UNCONFIRMED", text), d.document_id


def test_documents_land_in_the_lake_and_come_back(tmp_path: Path, documents: dict[str, Document]) -> None:
    lake = Lake(tmp_path).mall("sandbox")
    table = documents_table(load_documents(""))
    landed = lake.land("documents", table, snapshot=True)
    assert landed.rows == len(documents) and landed.changed
    assert read_documents(lake) == load_documents("")
    assert not lake.land("documents", documents_table(reversed(load_documents(""))), snapshot=True).changed
    assert table.filter(table["kind"].is_valid()).column("scope").null_count > 0


def test_loading_repeats_itself() -> None:
    command = (
        "from cafe24_pipelines.knowledge.documents import load_documents; import hashlib;"
        "print(hashlib.sha256(repr(load_documents('')).encode()).hexdigest())"
    )
    runs = []
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        out = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, env=env)
        runs.append(out.stdout)
    assert runs[0] == runs[1] != ""


def test_importing_is_cheap() -> None:
    command = (
        "import sys, cafe24_pipelines.knowledge.documents, cafe24_pipelines.knowledge.catalogue;"
        "print([m for m in ('pyarrow', 'pandas', 'lxml', 'httpx', 'yaml') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", command], text=True).strip() == "[]"


def test_package_data_is_found_inside_an_archive(tmp_path: Path) -> None:
    """Read only through importlib.resources: works where the package has no folder, as in a zip."""
    package = Path(cafe24_pipelines.__file__).parent
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for name in ("__init__.py", "names.py", "errors.py"):
            z.write(package / name, f"cafe24_pipelines/{name}")
        for f in (package / "knowledge").rglob("*"):
            if f.is_file() and "__pycache__" not in f.parts:
                z.write(f, f"cafe24_pipelines/{f.relative_to(package)}")
    command = (
        "import cafe24_pipelines; assert '.zip' in cafe24_pipelines.__file__;"
        "from cafe24_pipelines.knowledge.documents import load_documents; print(len(load_documents('')))"
    )
    env = {**os.environ, "PYTHONPATH": str(archive)}
    count = subprocess.check_output([sys.executable, "-c", command], text=True, env=env, cwd=tmp_path)
    assert int(count) == len(load_documents(""))
