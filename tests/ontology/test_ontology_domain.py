"""The ontology's definition: the shipped one holds together, a broken one says where."""

import copy
import subprocess
import sys
from typing import Any

import pytest
import yaml

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.knowledge.documents import load_documents
from cafe24_pipelines.ontology.knowledge_layer import concepts_of, endpoint_place
from cafe24_pipelines.ontology.model import domain_text, load_domain, parse_domain


@pytest.fixture
def raw() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load(domain_text()))


def test_the_shipped_domain_is_rich_enough() -> None:
    domain = load_domain()
    assert len(domain.concepts) >= 40
    assert len(domain.metrics) >= 20
    assert all(m.formula and m.unit for m in domain.metrics.values())
    names = {n for c in domain.concepts.values() for n in c.names} | {m.ko for m in domain.metrics.values()}
    wanted = {"고객", "주문", "재구매율", "객단가", "이탈", "장바구니", "쿠폰", "적립금", "회원등급", "리뷰",
              "코호트", "RFM", "CLV"}  # fmt: skip
    assert wanted <= names


def test_schema_and_prompt_text_come_from_the_same_definition() -> None:
    domain = load_domain()
    schema, text = domain.graph_schema(), domain.describe_ko()
    assert {s.label for s in schema.labels} == set(domain.labels)
    assert all(f"- {s.label} " in text for s in schema.labels)
    assert all(f"({r.from_label})-[:{r.type}]->({r.to_label})" in text for r in schema.relationships)


def _wrong(raw: dict[str, Any], case: str) -> str:
    """Break the definition; returns what the message must say."""
    if case == "label":
        raw["relationships"]["PLACED"]["pairs"] = [["CRM_Customer", "CRM_Nothing"]]
        return "PLACED: label CRM_Nothing is not defined"
    if case == "key":
        raw["labels"]["CRM_Order"]["key"] = ["order_no"]
        return r"label CRM_Order: key \['order_no'\]"
    if case == "reserved":
        raw["labels"]["CRM_Order"]["properties"]["uid"] = "STRING"
        return "label CRM_Order: uid is added"
    if case == "type":
        raw["labels"]["CRM_Order"]["properties"]["status"] = "TEXT"
        return "labels.CRM_Order.properties.status"
    if case == "unknown":
        raw["concepts"]["order"]["synonim"] = ["x"]
        return "concepts.order.synonim"
    if case == "circle":
        raw["concepts"]["customer"]["broader"] = "guest"
        return "concept customer: it can't be broader"
    if case == "metric":
        raw["metrics"]["aov"]["concepts"] = ["nothing"]
        return "metric aov: concept nothing is not defined"
    raw["concepts"]["order"]["ko"] = "고객"
    return "the Korean name 고객 is used twice"


@pytest.mark.parametrize("case", ["label", "key", "reserved", "type", "unknown", "circle", "metric", "name"])
def test_a_broken_definition_names_the_place(raw: dict[str, Any], case: str) -> None:
    message = _wrong(raw, case)
    with pytest.raises(ConfigError, match=message):
        parse_domain(raw)


def test_every_api_pattern_matches_a_documented_endpoint() -> None:
    places = {endpoint_place(d.path) for d in load_documents("") if d.kind == "endpoint"}
    unmatched = {(n, p) for n, c in load_domain().concepts.items() for p in c.api if p not in places}
    assert not unmatched


@pytest.mark.parametrize(("path", "concepts"), [
    ("/api/v2/admin/orders/{order_id}", ["order"]),
    ("/api/v2/admin/orders/{order_id}/items/{order_item_code}", ["order_item"]),
    ("/api/v2/admin/coupons/{coupon_no}/issues", ["coupon"]),
    ("/api/v2/admin/points", ["points"]),
    ("/api/v2/admin/products/count", ["product"]),
    ("/api/v2/admin/themes/{skin_no}/pages", []),
])  # fmt: skip
def test_endpoints_are_tied_to_what_they_are_about(path: str, concepts: list[str]) -> None:
    assert concepts_of(load_domain(), path) == concepts


def test_importing_the_room_is_cheap() -> None:
    code = (
        "import sys, cafe24_pipelines.ontology.build, cafe24_pipelines.ontology.health, "
        "cafe24_pipelines.ontology.queries; print(sorted({'pyarrow', 'pandas', 'pydantic', 'duckdb', 'dagster'} "
        "& set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
