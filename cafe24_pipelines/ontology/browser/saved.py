"""The saved queries: what each shows, in Korean and English, and its Cypher for Neo4j 5.

They speak Neo4j's own Cypher and run in Browser, outside our store, so each restricts itself to one mall and to what
is published: it begins at the marker, and its first node is in a published scope. From there a path along the arrows
stays in the copy. Against an arrow of the findings (`ABOUT`, `FOUND_IN`) it must ask for the scope again, because
findings that are not published may point at the same facts. A test runs all of them beside a look-alike mall.

What to change by hand stands as a literal in the first lines, since Browser has no default values for parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.ontology.browser import generated
from cafe24_pipelines.ontology.browser.generated import LIVE, inside
from cafe24_pipelines.ontology.model import Domain

_CHOOSE: Final = "member_key를 비우면 가장 많이 산 회원을 봅니다."
MALL_COMMAND: Final = ":param mall_id => 'sandbox'"
"""What an analyst runs first, with the id of the mall."""


@dataclass(frozen=True)
class SavedQuery:
    """A query as a favourite of Browser: `name` is its file, `ko` and `en` its title, `note` says how to read it."""

    name: str
    ko: str
    en: str
    note: str
    cypher: str

    @property
    def text(self) -> str:
        """The favourite: its first comment line is the name that Browser shows."""
        return f"// {self.ko} | {self.en}\n// {MALL_COMMAND}\n{self.cypher.strip()};\n"


@dataclass(frozen=True)
class Section:
    """Queries that belong together: one slide of the guide."""

    ko: str
    en: str
    queries: tuple[SavedQuery, ...]


def sections(domain: Domain) -> list[Section]:
    """All saved queries, in the order of the guide."""
    return [
        Section("한눈에 보기", "Overview", tuple(_overview(domain))),
        Section("패턴", "Patterns", tuple(_findings())),
        Section("회원", "Customers", (_journey(), _timeline(), *_first_purchases())),
        Section("상품과 API", "Products and the API", tuple(_products())),
        Section("살펴보기", "Upkeep", tuple(_upkeep(domain))),
    ]


def saved_queries(domain: Domain) -> list[SavedQuery]:
    """The queries of all sections."""
    return [query for section in sections(domain) for query in section.queries]


def _overview(domain: Domain) -> Iterator[SavedQuery]:
    yield SavedQuery(
        "01-counts-by-label", "라벨별 노드 수", "Nodes by label",
        "게시된 빌드에 있는 노드를 라벨마다 셉니다.", generated.label_counts(domain),
    )  # fmt: skip
    yield SavedQuery(
        "02-counts-by-relationship", "관계별 수", "Relationships by type",
        "관계를 종류와 양 끝 라벨마다 셉니다.", generated.relationship_counts(domain),
    )  # fmt: skip
    yield SavedQuery(
        "03-whole-ontology", "온톨로지 전체 (표본)", "The whole ontology, sampled",
        f"모든 관계를 {generated.SAMPLE}개씩 실제 자료로 보여 줍니다. 라벨이 어떻게 이어지는지 한눈에 봅니다.",
        generated.whole_ontology(domain),
    )  # fmt: skip


def _findings() -> Iterator[SavedQuery]:
    yield SavedQuery(
        "04-patterns", "발견한 패턴", "Patterns found",
        "효과, 95% 구간, 보정한 p값(q), 표본 수와 권하는 행동입니다. 확정된 것부터 봅니다.",
        f"""{LIVE}
MATCH (p:CRM_Pattern) WHERE {inside("p")}
RETURN p.title AS title, p.status AS status, p.effect_name AS effect_name, p.effect AS effect,
       p.ci_low AS ci_low, p.ci_high AS ci_high, p.q AS q, p.n AS n, p.action AS action, p.pattern_id AS pattern_id
ORDER BY CASE p.status WHEN 'confirmed' THEN 0 WHEN 'tentative' THEN 1 ELSE 2 END, q, pattern_id""",
    )  # fmt: skip
    yield SavedQuery(
        "05-pattern-neighbours", "패턴과 이웃", "Patterns with their neighbours",
        "패턴에서 개념·지표·상품으로, 다시 그 자료를 주는 API로 이어집니다. words에 제목의 일부를 적으면 "
        "그 패턴만 봅니다.",
        f"""{LIVE}, '' AS words
MATCH (p:CRM_Pattern) WHERE {inside("p")} AND p.title CONTAINS words
WITH live, p
ORDER BY CASE p.status WHEN 'confirmed' THEN 0 WHEN 'tentative' THEN 1 ELSE 2 END, p.q, p.pattern_id LIMIT 2
CALL (live, p) {{
  MATCH path = (p)-[:ABOUT|FOUND_IN]->(thing) WHERE {inside('thing')}
  RETURN path
  UNION
  MATCH path = (p)<-[:EXPLAINS]-(insight:CRM_Insight) WHERE {inside('insight')}
  RETURN path
  UNION
  MATCH (p)-[:ABOUT]->(concept:CRM_Concept) WHERE {inside('concept')}
  CALL (concept) {{
    MATCH path = (concept)<-[:RETURNS]-(endpoint:CRM_ApiEndpoint)
    RETURN path ORDER BY endpoint.endpoint LIMIT 3
  }}
  RETURN path
}}
RETURN path""",
    )  # fmt: skip


_ONE_CUSTOMER: Final = f"""{LIVE}, '' AS member_key
MATCH (c:CRM_Customer) WHERE {inside("c")} AND (member_key = '' OR c.member_key = member_key)
WITH live, c ORDER BY c.sales DESC, c.member_key LIMIT 1"""


def _journey() -> SavedQuery:
    return SavedQuery(
        "06-customer-journey", "회원 한 명의 여정 (그래프)", "One customer's journey, as a graph",
        f"최근 주문 8건과 그 상품, 리뷰, 쿠폰이 회원을 둘러쌉니다. {_CHOOSE}",
        f"""{_ONE_CUSTOMER}
CALL (c) {{
  MATCH (c)-[:PLACED]->(o:CRM_Order)
  WITH o ORDER BY o.ordered_at DESC LIMIT 8
  RETURN collect(o) AS recent
}}
CALL (c, recent) {{
  MATCH path = (c)-[:PLACED]->(o:CRM_Order) WHERE o IN recent
  RETURN path
  UNION
  UNWIND recent AS o
  MATCH path = (o)-[:CONTAINS]->(:CRM_OrderItem)-[:OF_PRODUCT]->(:CRM_Product)
  RETURN path
  UNION
  UNWIND recent AS o
  MATCH path = (o)-[:USED_COUPON]->(:CRM_Coupon)
  RETURN path
  UNION
  MATCH path = (c)-[:WROTE]->(r:CRM_Review)-[:AFTER_ORDER]->(o:CRM_Order) WHERE o IN recent
  RETURN path
  UNION
  MATCH (c)-[:WROTE]->(r:CRM_Review)-[:AFTER_ORDER]->(o:CRM_Order) WHERE o IN recent
  MATCH path = (r)-[:ABOUT]->(:CRM_Product)
  RETURN path
  UNION
  MATCH path = (c)<-[:ISSUED_TO]-(:CRM_Coupon)
  RETURN path
  UNION
  MATCH path = (c)-[:IN_GROUP]->(:CRM_CustomerGroup)
  RETURN path
}}
RETURN path""",
    )  # fmt: skip


def _timeline() -> SavedQuery:
    return SavedQuery(
        "07-customer-timeline", "회원 한 명의 여정 (시간순)", "One customer's journey, in order of time",
        f"가입, 쿠폰, 주문, 배송, 리뷰를 몰의 시간대로 늘어놓습니다. {_CHOOSE}",
        f"""{_ONE_CUSTOMER}
MATCH (c)<-[:HAS_CUSTOMER]-(m:CRM_Mall)
CALL (c) {{
  RETURN c.created_at AS at, '가입' AS event, c.region AS detail, null AS amount
  UNION ALL
  MATCH (c)-[:PLACED]->(o:CRM_Order)
  OPTIONAL MATCH (o)-[:CONTAINS]->(i:CRM_OrderItem)-[:OF_PRODUCT]->(p:CRM_Product)
  WITH o, p, i ORDER BY i.line_no
  RETURN o.ordered_at AS at, '주문 (' + o.status + ')' AS event, reduce(t = '', x IN collect(p.name) |
         t + CASE t WHEN '' THEN '' ELSE ', ' END + x) AS detail, o.paid_amount AS amount
  UNION ALL
  MATCH (c)-[:PLACED]->(o:CRM_Order) WHERE o.delivered_at IS NOT NULL
  RETURN o.delivered_at AS at, '배송 완료' AS event, o.order_id AS detail, null AS amount
  UNION ALL
  MATCH (c)<-[i:ISSUED_TO]-(k:CRM_Coupon)
  RETURN i.first_issued_at AS at, '쿠폰 발급' AS event, k.name AS detail, null AS amount
  UNION ALL
  MATCH (c)-[:WROTE]->(r:CRM_Review)
  OPTIONAL MATCH (r)-[:ABOUT]->(p:CRM_Product)
  RETURN r.created_at AS at, '리뷰 ' + r.rating + '점' AS event, p.name AS detail, null AS amount
}}
WITH m, at, event, detail, amount WHERE at IS NOT NULL
RETURN datetime({{datetime: at, timezone: m.time_zone}}) AS at_local, event, detail, amount
ORDER BY at_local, event, detail""",
    )  # fmt: skip


def _first_purchases() -> Iterator[SavedQuery]:
    yield SavedQuery(
        "08-first-purchase-paths", "첫 구매에서 두 번째 구매로", "From the first purchase to the second",
        "첫 구매의 분류마다, 두 번째 구매에서 어느 분류로 갔는지와 그 비율입니다. 회원의 판매만 셉니다.",
        f"""{LIVE}
MATCH (c:CRM_Customer)-[:PLACED]->(:CRM_Order {{sale_no: 1}})-[:CONTAINS]->(:CRM_OrderItem {{is_sale: true}})
      -[:OF_PRODUCT]->(:CRM_Product)-[:IN_CATEGORY]->(a:CRM_Category)
WHERE {inside("c")}
WITH a, collect(DISTINCT c) AS buyers
UNWIND buyers AS c
OPTIONAL MATCH (c)-[:PLACED]->(:CRM_Order {{sale_no: 2}})-[:CONTAINS]->(:CRM_OrderItem {{is_sale: true}})
      -[:OF_PRODUCT]->(:CRM_Product)-[:IN_CATEGORY]->(z:CRM_Category)
WITH a, size(buyers) AS first_buyers, coalesce(z.name, '(아직 없음)') AS next_category, count(DISTINCT c) AS members
RETURN a.name AS first_category, first_buyers, next_category, members,
       round(100.0 * members / first_buyers, 1) AS percent
ORDER BY first_buyers DESC, first_category, members DESC, next_category LIMIT 200""",
    )  # fmt: skip
    yield SavedQuery(
        "09-first-month-cohorts", "첫 구매 월별 재구매", "Repeat purchases by month of the first",
        "첫 구매 월마다 30·60·90일 안에 다시 산 회원의 비율입니다. complete가 false면 90일이 다 지나지 않았습니다.",
        f"""{LIVE}
MATCH (m:CRM_Mall)-[:HAS_CUSTOMER]->(c:CRM_Customer)-[:PLACED]->(first:CRM_Order {{sale_no: 1}})
WHERE {inside("m")}
OPTIONAL MATCH (c)-[:PLACED]->(second:CRM_Order {{sale_no: 2}})
WITH m, date.truncate('month', first.local_date) AS month,
     duration.inDays(first.local_date, second.local_date).days AS days
RETURN month, count(*) AS members,
       round(100.0 * sum(CASE WHEN days <= 30 THEN 1 ELSE 0 END) / count(*), 1) AS percent_30d,
       round(100.0 * sum(CASE WHEN days <= 60 THEN 1 ELSE 0 END) / count(*), 1) AS percent_60d,
       round(100.0 * sum(CASE WHEN days <= 90 THEN 1 ELSE 0 END) / count(*), 1) AS percent_90d,
       month + duration('P1M') + duration('P90D') <= date(m.as_of) AS complete
ORDER BY month""",
    )  # fmt: skip


def _products() -> Iterator[SavedQuery]:
    yield SavedQuery(
        "10-top-products", "많이 산 상품", "Top products",
        "산 회원이 많은 상품입니다. 회원의 판매만 세고, 금액은 눈으로 보는 값입니다(정확한 합계는 cafe24 ask).",
        f"""{LIVE}
MATCH (c:CRM_Customer)-[b:BOUGHT]->(p:CRM_Product) WHERE {inside("c")}
RETURN p.product_no AS product_no, p.name AS product, p.category AS category, count(c) AS members,
       sum(b.orders) AS orders, sum(b.quantity) AS quantity, sum(b.amount) AS amount
ORDER BY members DESC, product_no LIMIT 20""",
    )  # fmt: skip
    yield SavedQuery(
        "11-bought-together", "함께 산 상품", "Bought together",
        "한 상품과 같은 주문에 담긴 상품입니다. lift가 1보다 크면 우연보다 자주 함께 팔립니다. "
        "product_no를 비우면 가장 많이 산 상품을 봅니다.",
        f"""{LIVE}, '' AS product_no
MATCH (p:CRM_Product) WHERE {inside("p")} AND (product_no = '' OR p.product_no = product_no)
WITH live, p ORDER BY COUNT {{ (p)<-[:BOUGHT]-() }} DESC, p.product_no LIMIT 1
CALL (live) {{
  MATCH (o:CRM_Order) WHERE {inside("o")} AND EXISTS {{ (o)-[:CONTAINS]->(:CRM_OrderItem {{is_sale: true}}) }}
  RETURN count(o) AS baskets
}}
MATCH (p)<-[:OF_PRODUCT]-(:CRM_OrderItem {{is_sale: true}})<-[:CONTAINS]-(o:CRM_Order)
WITH p, baskets, collect(DISTINCT o) AS with_p
UNWIND with_p AS o
MATCH (o)-[:CONTAINS]->(:CRM_OrderItem {{is_sale: true}})-[:OF_PRODUCT]->(q:CRM_Product) WHERE q <> p
WITH p, baskets, size(with_p) AS with_p, q, count(DISTINCT o) AS together
ORDER BY together DESC, q.product_no LIMIT 20
CALL (q) {{
  MATCH (q)<-[:OF_PRODUCT]-(:CRM_OrderItem {{is_sale: true}})<-[:CONTAINS]-(o:CRM_Order)
  RETURN count(DISTINCT o) AS with_q
}}
RETURN p.name AS product, q.product_no AS product_no, q.name AS together_with, together, with_p, with_q,
       round(1.0 * together * baskets / (with_p * with_q), 2) AS lift
ORDER BY together DESC, product_no""",
    )  # fmt: skip
    yield SavedQuery(
        "12-api-behind-concept", "개념 뒤의 API", "The API behind a concept",
        "개념을 조회하거나 바꾸는 API, 필요한 권한, 문서가 설명하는 API, 지표, 이 개념에 관한 패턴입니다. "
        "name을 바꿔 보세요.",
        f"""{LIVE}, '쿠폰' AS name
MATCH (c:CRM_Concept)
WHERE {inside("c")} AND (c.concept = name OR c.ko = name OR name IN split(c.synonyms, ', '))
CALL (live, c) {{
  MATCH path = (c)<-[:RETURNS|CHANGES]-(:CRM_ApiEndpoint)
  RETURN path
  UNION
  MATCH (c)<-[:RETURNS|CHANGES]-(e:CRM_ApiEndpoint)
  MATCH path = (e)-[:REQUIRES]->(:CRM_Scope)
  RETURN path
  UNION
  MATCH path = (c)-[:EXPLAINED_BY]->(:CRM_ApiEndpoint)
  RETURN path
  UNION
  MATCH path = (c)-[:MEASURED_BY]->(:CRM_Metric)
  RETURN path
  UNION
  MATCH path = (c)<-[:ABOUT]-(p:CRM_Pattern) WHERE {inside('p')}
  RETURN path
}}
RETURN path""",
    )  # fmt: skip


def _upkeep(domain: Domain) -> Iterator[SavedQuery]:
    yield SavedQuery(
        "13-orphans", "고립된 노드", "Orphans",
        "게시된 노드와 아무 관계도 없는 노드를 세고 몇 개를 보여 줍니다. allowed면 홀로 있어도 되는 라벨입니다.",
        generated.orphans(domain),
    )  # fmt: skip
    yield SavedQuery(
        "14-health", "건강 한눈에 보기", "Health at a glance",
        "온톨로지의 규칙을 어긴 노드의 수입니다. 점수와 고치는 법은 Dagster의 검사와 docs/ontology.md에 있습니다.",
        generated.health(domain),
    )  # fmt: skip
    yield SavedQuery(
        "15-builds", "빌드 상태", "Builds",
        "이 몰의 어느 사본이 게시되었고 무엇이 곁에 있는지입니다. 다른 질의는 게시된 것만 봅니다.",
        generated.builds(domain),
    )  # fmt: skip
