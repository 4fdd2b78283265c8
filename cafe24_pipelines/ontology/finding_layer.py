"""Discovered patterns as graph rows: patterns, the insights that explain them, and what they are about.

A pattern is tied to concepts and metrics by the names its own text uses, and to products, categories, groups, coupons
and segments by the keys in its evidence, where the graph has them. Does not belong here: how patterns are found.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.ontology.rows import links_of, nodes_of

if TYPE_CHECKING:
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.ontology.model import Domain
    from cafe24_pipelines.stores.graph import Part

EVIDENCE_COLUMNS: Final = {
    "product_no": "CRM_Product", "from_product": "CRM_Product", "to_product": "CRM_Product", "product": "CRM_Product",
    "product_name": "CRM_Product", "category_no": "CRM_Category", "category": "CRM_Category",
    "from_category": "CRM_Category", "to_category": "CRM_Category", "group_no": "CRM_CustomerGroup",
    "group_name": "CRM_CustomerGroup", "tier": "CRM_CustomerGroup", "coupon_no": "CRM_Coupon",
    "segment": "CRM_Segment",
}  # fmt: skip
"""Columns of evidence rows that name a thing, by its key or its name."""

CONCEPTS_OF_LABELS: Final = {
    "CRM_Product": "product", "CRM_Category": "category", "CRM_CustomerGroup": "customer_group",
    "CRM_Coupon": "coupon", "CRM_Segment": "segment",
}  # fmt: skip

Known = Mapping[str, Mapping[str, str]]
"""What the staged graph holds: label to {key or name: key}."""


def parts(domain: "Domain", patterns: Iterable["Pattern"], mall_id: str, known: Known) -> Iterator["Part"]:
    """Pattern, insight and segment nodes, then their relationships."""
    found = sorted(patterns, key=lambda p: p.id)
    mentions = {p.id: _things(p, known) for p in found}
    segments = sorted({key for things in mentions.values() for label, key in things if label == "CRM_Segment"})
    insights = [p for p in found if p.summary]
    yield nodes_of(domain, "CRM_Pattern", mall_id, [_pattern_row(p) for p in found])
    yield nodes_of(domain, "CRM_Segment", mall_id, [{"name": s} for s in segments])
    yield nodes_of(
        domain, "CRM_Insight", mall_id,
        [{"insight_id": p.id, "title": p.title, "summary": p.summary, "action": p.action} for p in insights],
    )  # fmt: skip
    at_mall = [{"from_key": p.id, "to_key": mall_id} for p in found]
    yield links_of(domain, "FOUND_IN", ("CRM_Pattern", "CRM_Mall"), mall_id, at_mall)
    explained = [{"from_key": p.id, "to_key": p.id} for p in insights]
    yield links_of(domain, "EXPLAINS", ("CRM_Insight", "CRM_Pattern"), mall_id, explained)
    about: dict[str, list[dict[str, Any]]] = {}
    for p in found:
        for label, key in [*mentions[p.id], *_named(domain, p, mentions[p.id])]:
            about.setdefault(label, []).append({"from_key": p.id, "to_key": key})
    for label, rows in sorted(about.items()):
        yield links_of(domain, "ABOUT", ("CRM_Pattern", label), mall_id, rows)


def evidence_labels(patterns: Iterable["Pattern"]) -> set[str]:
    """Labels that the evidence names, so that only these need looking up (segments are made, not looked up)."""
    columns = {column for p in patterns for row in p.evidence.rows for column in row}
    return {EVIDENCE_COLUMNS[c] for c in columns & set(EVIDENCE_COLUMNS)} - {"CRM_Segment"}


def _pattern_row(p: "Pattern") -> dict[str, Any]:
    return {
        "pattern_id": p.id, "detector": p.detector, "kind": p.kind, "title": p.title, "status": p.status,
        "effect_name": p.effect.name, "effect": p.effect.value, "ci_low": p.effect.ci_low,
        "ci_high": p.effect.ci_high, "p": p.p, "q": p.q, "n": p.n, "action": p.action,
        "discovered_at": p.discovered_at,
    }  # fmt: skip


def _things(p: "Pattern", known: Known) -> list[tuple[str, str]]:
    """Things of the graph that the evidence rows name, each once, in order."""
    found: dict[tuple[str, str], None] = {}
    for row in p.evidence.rows:
        for column, value in row.items():
            label = EVIDENCE_COLUMNS.get(column)
            if label is None or value is None:
                continue
            key = str(value) if label == "CRM_Segment" else known.get(label, {}).get(str(value))
            if key:
                found[(label, key)] = None
    return list(found)


def _named(domain: "Domain", p: "Pattern", things: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Concepts and metrics that the pattern's words name, and the concepts of the things it is about."""
    text = f"{p.title} {p.summary} {p.effect.name} {p.detector.replace('_', ' ')}"
    found = mentioned(text, domain)
    metrics = sorted(name for label, name in found if label == "CRM_Metric")
    concepts = {name for label, name in found if label == "CRM_Concept"}
    concepts |= {CONCEPTS_OF_LABELS[label] for label, _ in things}
    concepts |= {c for metric in metrics for c in domain.metrics[metric].concepts}
    return [("CRM_Metric", m) for m in metrics] + [("CRM_Concept", c) for c in sorted(concepts)]


def mentioned(text: str, domain: "Domain") -> set[tuple[str, str]]:
    """What a text names; longer names first and each stretch of text once, so that 재구매 is not also 구매."""
    owners: dict[str, set[tuple[str, str]]] = {}
    for metric, m in domain.metrics.items():
        for name in (m.ko, m.en):
            owners.setdefault(name.lower(), set()).add(("CRM_Metric", metric))
    for concept, c in domain.concepts.items():
        for name in c.names:
            owners.setdefault(name.lower(), set()).add(("CRM_Concept", concept))
    rest, found = text.lower(), set()
    for name in sorted((n for n in owners if len(n) > 1), key=lambda n: (-len(n), n)):
        pattern = rf"(?<![a-z]){re.escape(name)}(?![a-z])" if name.isascii() else re.escape(name)
        rest, times = re.subn(pattern, "\x00", rest)
        found |= owners[name] if times else set()
    return found
