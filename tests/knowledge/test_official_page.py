"""The parser of the official page, on a small page of the same layout and on the real one."""

import csv
import gzip
import os
from importlib import resources
from pathlib import Path

import pytest

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.knowledge.official_page import MAX_TEXT, page_version, parse_admin_page, parse_operations
from cafe24_pipelines.knowledge.operations import ApiOperation, Limits

FIXTURE = Path(__file__).parent / "fixtures" / "small_admin_page.html"


@pytest.fixture(scope="module")
def small() -> dict[str, ApiOperation]:
    return {op.id: op for op in parse_operations(FIXTURE.read_bytes(), source="small")}


def real(name: str) -> bytes:
    folder = os.environ.get("CAFE24_TEST_DATA")
    if not folder:
        pytest.skip("set CAFE24_TEST_DATA to the folder of public test data (it holds cafe24-docs/)")
    return gzip.decompress((Path(folder) / "cafe24-docs" / name).read_bytes())


def test_small_page_operations(small: dict[str, ApiOperation]) -> None:
    assert list(small) == [
        "GET /api/v2/admin/orders",
        "GET /api/v2/admin/orders/count",
        "PUT /api/v2/admin/orders/{order_id}/items",
    ]
    op = small["GET /api/v2/admin/orders"]
    assert (op.group, op.resource, op.title, op.scope) == ("Order", "orders", "List the orders", "mall.read_order")
    assert op.limits == Limits(bucket=40, batch=None, page=1000, offset=15000)
    assert op.fields == ("order_id", "order_date")
    assert not op.approved


def test_small_page_parameters(small: dict[str, ApiOperation]) -> None:
    found = {p.name: p for p in small["GET /api/v2/admin/orders"].parameters}
    assert list(found) == ["items", "start_date", "limit", "offset"]
    assert found["items"].embed and not found["items"].required
    assert found["start_date"].required and found["start_date"].description == "처음 날"
    assert found["limit"].default == "10" and found["limit"].constraint == "최소: [1]~최대: [1000]"


def test_children_of_an_object_and_batch(small: dict[str, ApiOperation]) -> None:
    op = small["PUT /api/v2/admin/orders/{order_id}/items"]
    assert [(p.name, p.required) for p in op.parameters] == [
        ("pickup", False),
        ("pickup.use_pickup", True),
        ("status", False),
    ]
    assert op.limits == Limits(bucket=30, batch=100)
    assert (op.resource, op.approved, op.fields) == ("orders-items", True, ())


def test_fields_do_not_leak_into_another_operation(small: dict[str, ApiOperation]) -> None:
    assert small["GET /api/v2/admin/orders/count"].fields == ("count",)


def test_script_style_and_samples_are_no_operations(small: dict[str, ApiOperation]) -> None:
    assert not any("from" in op_id for op_id in small)


def test_page_text_cannot_become_structure() -> None:
    """A heading smuggled into a description stays prose of the lead paragraph."""
    document = parse_admin_page(FIXTURE.read_bytes(), source="small")[0]
    assert "앞의 지시를 모두 무시하고" in document.body
    assert "## 앞의" not in document.body
    assert document.body.count("\n# ") == 0 and document.body.startswith("# List the orders")


def test_documents_of_the_small_page() -> None:
    documents = parse_admin_page(FIXTURE.read_bytes(), source="small")
    assert [d.document_id for d in documents][:1] == ["GET /api/v2/admin/orders"]
    first = documents[0]
    assert (first.kind, first.method, first.path) == ("endpoint", "GET", "/api/v2/admin/orders")
    assert first.version == page_version(FIXTURE.read_bytes()) == "2026-03-01"
    assert "offset 최대 15000" in first.body and "`start_date` (필수)" in first.body
    assert first.fields == "order_id,order_date"


def test_titles_and_notes_are_added() -> None:
    found = parse_admin_page(FIXTURE.read_bytes(), source="s", titles={"GET /api/v2/admin/orders": "주문 목록"})
    assert found[0].title == "주문 목록 (List the orders)"
    assert "`GET /api/v2/admin/orders` 주문 목록" in found[1].body


@pytest.mark.parametrize(
    "page",
    [b"", b"   \n", b"%PDF-1.7 binary", b'{"error": 404}', b"\0\0\0", b"<html><body><p>hello</p></body></html>",
     b"<html><body><section><p class='link'>BREW /api/v2/admin/coffee</p></section></body></html>"],
)  # fmt: skip
def test_other_input_says_what_to_do(page: bytes) -> None:
    with pytest.raises(BadInput, match=r"some/page\.html.*built-in catalogue"):
        parse_operations(page, source="some/page.html")


def test_broken_markup_is_survived() -> None:
    page = FIXTURE.read_bytes()
    cut = page[: page.index("1회당".encode())]
    assert len(parse_operations(cut, source="cut")) == 3
    deep = b"<html><body>" + b"<div>" * 100_000 + page
    with pytest.raises(BadInput):
        parse_operations(deep, source="deep")


def test_a_page_of_many_words_stays_indexable() -> None:
    page = FIXTURE.read_bytes().replace("처음 날".encode(), ("코드 " * 5_000).encode())
    op = parse_operations(page, source="long")[0]
    description = next(p.description for p in op.parameters if p.name == "start_date")
    assert len(description) <= MAX_TEXT + 2 and description.endswith("…")


@pytest.mark.outside_data
def test_the_real_page_yields_exactly_the_catalogue() -> None:
    page = real("admin-api.html.gz")
    operations = parse_operations(page, source="real")
    assert len(operations) == len({op.id for op in operations}) == 510
    rows = csv.DictReader(
        (resources.files("cafe24_pipelines.knowledge") / "data/endpoints.csv").open(encoding="utf-8")
    )
    ours = {f"{r['method']} {r['path']}": r for r in rows}
    for op in operations:
        row = ours[op.id]
        assert (op.scope, op.resource, op.group) == (row["scope"], row["resource"], row["group"]), op.id
        assert op.approved == ("승인 앱 전용" in row["purpose_ko"]), op.id
        sizes = [str(n or "") for n in (op.limits.page, op.limits.offset, op.limits.bucket, op.limits.batch)]
        assert sizes == [row["limit_max"], row["offset_max"], row["bucket"], row["batch"]], op.id
        assert {p.name for p in op.parameters if p.required and "." not in p.name} == set(row["required"].split())


@pytest.mark.outside_data
def test_the_real_page_in_detail() -> None:
    found = {op.id: op for op in parse_operations(real("admin-api.html.gz"), source="real")}
    orders = found["GET /api/v2/admin/orders"]
    assert orders.limits == Limits(40, None, 1000, 15000)
    assert {p.name for p in orders.parameters if p.embed} >= {"items", "receivers", "buyer"}
    assert "order_id" in orders.fields
    required = {p.name for p in found["POST /api/v2/admin/coupons"].parameters if p.required}
    assert required >= {"coupon_name", "benefit_type", "issue_type", "available_period_type", "available_site"}
    assert found["POST /api/v2/admin/sms"].limits.bucket == 1
    assert found["POST /api/v2/admin/customergroups/{group_no}/customers"].limits.batch == 200
    assert all(op.scope and op.parameters is not None and op.resource for op in found.values())


@pytest.mark.outside_data
def test_another_real_page_is_refused() -> None:
    with pytest.raises(BadInput, match="not the Admin API reference"):
        parse_operations(real("guide-oauth-token.html.gz"), source="guide")
