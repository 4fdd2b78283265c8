"""Named graph queries in the shared Cypher subset: the same text runs on every graph store.

Each returns plain rows for one mall (`$mall_id` is bound by the store), best first and limited. Means are written as
sum / count: `avg()` is a running mean on one store, so its last digits hang on the order of rows. Does not belong
here: aggregates that money is decided by; those are SQL over the lake (see `answers/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cafe24_pipelines.stores.graph import GraphStore


@dataclass(frozen=True)
class NamedQuery:
    """A query, what it tells in Korean, and default values of its parameters."""

    name: str
    ko: str
    cypher: str
    defaults: Mapping[str, Any] = field(default_factory=dict)


def _q(name: str, ko: str, cypher: str, /, **defaults: Any) -> NamedQuery:
    return NamedQuery(name, ko, " ".join(cypher.split()), defaults)


QUERIES: Final = {
    q.name: q
    for q in (
        _q(
            "apis_for_concept", "개념(이름이나 다른 이름)을 조회하거나 바꾸는 API와 필요한 권한",
            """MATCH (e:CRM_ApiEndpoint)-[:RETURNS|CHANGES]->(c:CRM_Concept)
               WHERE c.mall_id = $mall_id AND (c.concept = $name OR c.ko = $name OR c.synonyms CONTAINS $name)
               OPTIONAL MATCH (e)-[:REQUIRES]->(s:CRM_Scope)
               RETURN e.endpoint AS endpoint, e.title AS title, e.method AS method, c.ko AS concept, s.name AS scope
               ORDER BY method, endpoint, scope LIMIT 50""",
            name="주문",
        ),
        _q(
            "explained_by", "개념을 설명하는 것으로 검색된 API 문서",
            """MATCH (c:CRM_Concept)-[r:EXPLAINED_BY]->(e:CRM_ApiEndpoint)
               WHERE c.mall_id = $mall_id AND (c.concept = $name OR c.ko = $name)
               RETURN e.endpoint AS endpoint, e.title AS title, r.rank AS rank ORDER BY rank LIMIT 10""",
            name="쿠폰",
        ),
        _q(
            "metrics_of_concept", "개념을 재는 지표와 계산식",
            """MATCH (c:CRM_Concept)-[:MEASURED_BY]->(m:CRM_Metric)
               WHERE c.mall_id = $mall_id AND (c.concept = $name OR c.ko = $name)
               RETURN m.ko AS metric, m.formula AS formula, m.unit AS unit ORDER BY metric LIMIT 20""",
            name="재구매",
        ),
        _q(
            "related_concepts", "개념의 상위·관련 개념",
            """MATCH (c:CRM_Concept)-[:BROADER|RELATED]-(o:CRM_Concept)
               WHERE c.mall_id = $mall_id AND (c.concept = $name OR c.ko = $name)
               RETURN DISTINCT o.ko AS concept, o.definition AS definition ORDER BY concept LIMIT 30""",
            name="고객",
        ),
        _q(
            "apis_behind_patterns", "패턴이 다루는 개념의 자료를 주는 API (패턴에서 실행으로)",
            """MATCH (p:CRM_Pattern)-[:ABOUT]->(c:CRM_Concept)<-[:RETURNS]-(e:CRM_ApiEndpoint)
               WHERE p.mall_id = $mall_id
               RETURN p.title AS pattern, p.status AS status, c.ko AS concept, e.endpoint AS endpoint
               ORDER BY pattern, concept, endpoint LIMIT 100""",
        ),
        _q(
            "patterns_about", "개념에 관해 찾은 패턴",
            """MATCH (p:CRM_Pattern)-[:ABOUT]->(c:CRM_Concept)
               WHERE p.mall_id = $mall_id AND (c.concept = $name OR c.ko = $name)
               RETURN p.pattern_id AS pattern_id, p.title AS title, p.status AS status, p.effect_name AS effect_name,
                      p.effect AS effect ORDER BY title LIMIT 50""",
            name="재구매",
        ),
        _q(
            "top_products", "산 회원이 많은 상품",
            """MATCH (c:CRM_Customer)-[b:BOUGHT]->(p:CRM_Product) WHERE p.mall_id = $mall_id
               RETURN p.product_no AS product_no, p.name AS product, count(c) AS customers, sum(b.orders) AS orders
               ORDER BY customers DESC, product_no LIMIT 20""",
        ),
        _q(
            "bought_also", "이 상품을 산 회원이 많이 산 다른 상품",
            """MATCH (p:CRM_Product)<-[:BOUGHT]-(c:CRM_Customer)
               WHERE p.mall_id = $mall_id AND p.product_no = $product_no
               WITH p, c MATCH (c)-[:BOUGHT]->(o:CRM_Product) WHERE o.uid <> p.uid
               RETURN o.product_no AS product_no, o.name AS product, count(c) AS customers
               ORDER BY customers DESC, product_no LIMIT 20""",
            product_no="",
        ),
        _q(
            "gateway_products", "첫 구매 상품별 재구매 회원 수",
            """MATCH (c:CRM_Customer)-[:FIRST_BOUGHT]->(p:CRM_Product) WHERE p.mall_id = $mall_id
               RETURN p.product_no AS product_no, p.name AS product, count(c) AS first_buyers,
                      sum(CASE WHEN c.sales > 1 THEN 1 ELSE 0 END) AS repeat_buyers
               ORDER BY first_buyers DESC, product_no LIMIT 20""",
        ),
        _q(
            "category_reach", "분류별 산 회원과 상품 수",
            """MATCH (c:CRM_Customer)-[:BOUGHT]->(p:CRM_Product)-[:IN_CATEGORY]->(g:CRM_Category)
               WHERE g.mall_id = $mall_id
               RETURN g.name AS category, count(DISTINCT c.uid) AS customers, count(DISTINCT p.uid) AS products
               ORDER BY customers DESC, category LIMIT 30""",
        ),
        _q(
            "group_value", "회원등급별 회원 수와 구매",
            """MATCH (c:CRM_Customer)-[:IN_GROUP]->(g:CRM_CustomerGroup) WHERE g.mall_id = $mall_id
               RETURN g.name AS group_name, count(c) AS customers, sum(c.sales) AS sales,
                      sum(c.spent) / count(c) AS spent_per_customer ORDER BY customers DESC, group_name LIMIT 20""",
        ),
        _q(
            "coupon_reach", "쿠폰별 받은 회원, 쓴 횟수",
            """MATCH (k:CRM_Coupon)-[i:ISSUED_TO]->(c:CRM_Customer) WHERE k.mall_id = $mall_id
               RETURN k.coupon_no AS coupon_no, k.name AS coupon, count(c) AS customers, sum(i.issues) AS issues,
                      sum(i.uses) AS uses ORDER BY issues DESC, coupon_no LIMIT 20""",
        ),
        _q(
            "review_ratings", "리뷰가 많은 상품과 평균 평점",
            """MATCH (r:CRM_Review)-[:ABOUT]->(p:CRM_Product) WHERE p.mall_id = $mall_id
               RETURN p.product_no AS product_no, p.name AS product, count(r) AS reviews,
                      1.0 * sum(r.rating) / count(r) AS rating
               ORDER BY reviews DESC, product_no LIMIT 20""",
        ),
        _q(
            "order_path", "주문 하나: 상품, 분류, 쿠폰",
            """MATCH (o:CRM_Order)-[:CONTAINS]->(i:CRM_OrderItem)-[:OF_PRODUCT]->(p:CRM_Product)
               WHERE o.mall_id = $mall_id AND o.order_id = $order_id
               OPTIONAL MATCH (p)-[:IN_CATEGORY]->(g:CRM_Category)
               RETURN o.order_id AS order_id, o.status AS status, i.line_no AS line_no, p.name AS product,
                      i.quantity AS quantity, g.name AS category ORDER BY line_no LIMIT 100""",
            order_id="",
        ),
    )
}  # fmt: skip
"""Every named query by name."""


def run_named(graph: "GraphStore", mall_id: str, query: str, /, **params: Any) -> list[dict[str, Any]]:
    """Rows of a named query; parameters that aren't given take their defaults.

    Raises:
        KeyError: there is no query of that name.
    """
    q = QUERIES[query]
    return graph.query(mall_id, q.cypher, {**q.defaults, **params})
