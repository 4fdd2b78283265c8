"""The ontology's definition: the shipped one holds together, a broken one says where."""

import copy
import subprocess
import sys
from typing import Any

import pytest
import yaml

from cafe24_pipelines.discovery.patterns import KINDS, STATUSES
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.knowledge.documents import load_documents
from cafe24_pipelines.ontology.health_coverage import LINKS, NODES, UNDECIDED_LABELS, UNDECIDED_LINKS
from cafe24_pipelines.ontology.knowledge_layer import concepts_of, endpoint_place
from cafe24_pipelines.ontology.model import domain_text, load_domain, parse_domain
from cafe24_pipelines.stores.schemas import ORDER_STATUS


@pytest.fixture
def raw() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load(domain_text()))


def test_the_shipped_domain_is_rich_enough() -> None:
    domain = load_domain()
    assert len(domain.concepts) >= 40
    assert len(domain.metrics) >= 20
    assert len(domain.tasks) >= 100
    assert all(len(t.says) >= 2 for t in domain.tasks.values())
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
    if case == "task":
        raw["tasks"]["find_vip"]["concepts"] = ["nothing"]
        return "task find_vip: concept nothing is not defined"
    if case == "step":
        raw["tasks"]["find_vip"]["steps"] = {"FETCH /api/v2/admin/orders": "왜"}
        return "task find_vip: 'FETCH /api/v2/admin/orders' is no method and path"
    if case == "empty task":
        raw["tasks"]["find_vip"] |= {"steps": {}, "documents": []}
        return "task find_vip: it needs a concept, a way to say it, and a step or a document"
    raw["concepts"]["order"]["ko"] = "고객"
    return "the Korean name 고객 is used twice"


@pytest.mark.parametrize("case", [
    "label", "key", "reserved", "type", "unknown", "circle", "metric", "task", "step", "empty task", "name",
])  # fmt: skip
def test_a_broken_definition_names_the_place(raw: dict[str, Any], case: str) -> None:
    message = _wrong(raw, case)
    with pytest.raises(ConfigError, match=message):
        parse_domain(raw)


def test_the_lakes_rules_hold_for_the_properties_that_come_from_it() -> None:
    domain = load_domain()
    order = {r.name: r for r in domain.property_rules("CRM_Order")}
    assert order["status"].values.allowed == ORDER_STATUS and order["status"].not_null
    assert order["order_id"].not_null and not order["country"].not_null
    assert order["is_sale"].not_null, "computed, so domain.yaml says it"
    rating = next(r for r in domain.property_rules("CRM_Review") if r.name == "rating")
    assert (rating.values.minimum, rating.values.maximum, rating.not_null) == (1, 5, False)
    bought = {r.name: r for r in domain.property_rules("BOUGHT")}
    assert bought["orders"].not_null and bought["orders"].values.minimum == 1
    for name, label in domain.labels.items():
        rules = {r.name: r for r in domain.property_rules(name)}
        assert set(rules) == set(label.properties)
        assert all(rules[k].not_null for k in label.key if k in rules), name


def test_closed_sets_of_findings_are_those_of_discovery() -> None:
    rules = {r.name: r for r in load_domain().property_rules("CRM_Pattern")}
    assert rules["status"].values.allowed == STATUSES
    assert rules["kind"].values.allowed == KINDS


def test_every_label_and_relationship_is_compared_with_the_lake_or_said_not_to_be() -> None:
    domain = load_domain()
    assert set(NODES) | UNDECIDED_LABELS == set(domain.labels) and not set(NODES) & UNDECIDED_LABELS
    pairs = {(kind, start, end) for kind, r in domain.relationships.items() for start, end in r.pairs}
    assert set(LINKS) <= pairs
    left = {pair for pair in pairs - set(LINKS) if pair[0] not in UNDECIDED_LINKS}
    assert {pair[:2] for pair in left} == {("ABOUT", "CRM_Pattern")}


def _rule(raw: dict[str, Any], case: str) -> str:
    """Break a rule's definition; returns what the message must say."""
    labels, links = raw["labels"], raw["relationships"]
    if case == "table":
        labels["CRM_Order"]["table"] = "purchases"
        return "label CRM_Order: the lake has no table purchases"
    if case == "not_null":
        labels["CRM_Order"]["not_null"] = ["isale"]
        return "label CRM_Order: there is a rule for isale, but no such property"
    if case == "repeated":
        labels["CRM_Order"]["not_null"] = ["status", "is_sale"]
        return "label CRM_Order: the lake's schema already rules status"
    if case == "repeated bounds":
        labels["CRM_Review"]["values"]["rating"] = {"minimum": 0}
        return "label CRM_Review: the lake's schema already rules rating"
    if case == "bounds of a text":
        labels["CRM_Product"]["values"] = {"name": {"minimum": 1}}
        return "label CRM_Product: name: only numbers"
    if case == "a set of numbers":
        labels["CRM_Pattern"]["values"]["n"] = {"allowed": ["1"]}
        return "label CRM_Pattern: n: only a STRING"
    if case == "nothing allowed":
        labels["CRM_Pattern"]["values"]["p"] = {"minimum": 1, "maximum": 0}
        return "label CRM_Pattern: p: its rule allows nothing, or everything"
    if case == "equal":
        links["OF_PRODUCT"]["equal"] = ["product_no", "product_key"]
        return "relationship OF_PRODUCT: equal: CRM_Product has no property product_key"
    if case == "concept":
        raw["concepts"]["order"]["table"] = "purchases"
        return "concept order: the lake has no table purchases"
    links["BOUGHT"]["values"] = {"order": {"minimum": 1}}
    return "relationship BOUGHT: there is a rule for order"


@pytest.mark.parametrize("case", [
    "table", "not_null", "repeated", "repeated bounds", "bounds of a text", "a set of numbers", "nothing allowed",
    "equal", "concept", "relationship",
])  # fmt: skip
def test_a_rule_that_cannot_hold_names_the_place(raw: dict[str, Any], case: str) -> None:
    message = _rule(raw, case)
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
