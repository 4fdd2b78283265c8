"""The shared Cypher subset: what is refused, and what a restriction to one mall does to a query."""

import pytest

from cafe24_pipelines.stores.cypher import BadQuery, bind, check_reading, restrict, tokens

HARMLESS = [
    "MATCH (a:X) WHERE a.set = 'CREATE' AND a.`delete` = 1 RETURN a.set AS call",
    "match (a:X) return a.uid order by a.uid limit 3",
    "MATCH (a:X)-[r:R*1..2]->(b) WHERE NOT EXISTS { MATCH (b)-[:R]->(:Y) } RETURN count(b) AS n, (1 + 2) * 3;",
    "UNWIND [1, 2] AS x RETURN x",
    "MATCH (a:X) RETURN a.uid // MERGE (b)",
    "MATCH (a:X {name: 'O\\'Brien; DELETE'}) RETURN a.uid",
]
HARMFUL = [
    "", "   ", "MATCH (a) SET a.x = 1", "MATCH (a) WITH a DELETE a", "MATCH (a) REMOVE a.x", "DROP TABLE X",
    "MATCH (a) CALL { MATCH (b) RETURN b } RETURN b", "MATCH (a) FOREACH (x IN [1] | SET a.x = 1)",
    "LOAD CSV FROM 'file:///x' AS row RETURN row", "MATCH (a) RETURN a; MATCH (b) RETURN b",
    "MATCH (a) WHERE (a)-[:R]->(:Y) RETURN a", "MATCH (a) RETURN [(x:X)-[:R]->(y) | y.name]",
    "MATCH (a) RETURN COUNT { (a)-->() }", "MATCH p = shortestPath((a)-[*]->(b)) RETURN p",
    "MATCH ((a)-->(b)){1,3} RETURN a", "MATCH (a WHERE a.x = 1) RETURN a",
    "MATCH (a) RETURN [x IN [1] WHERE EXISTS { MATCH (b:X) WHERE b.y = x } | x]",
    "MATCH (a) RETURN '\\u0027 SET a.x = 1", "MATCH (a RETURN a", "INSTALL httpfs",
]  # fmt: skip


@pytest.mark.parametrize("query", HARMLESS)
def test_reading_is_let_through(query: str) -> None:
    check_reading(query)


@pytest.mark.parametrize("query", HARMFUL)
def test_everything_else_is_refused_with_a_remedy(query: str) -> None:
    with pytest.raises(BadQuery) as refused:
        check_reading(query)
    assert refused.value.remedy


@pytest.mark.parametrize("query", [*HARMLESS, *HARMFUL])
def test_tokens_join_to_the_query(query: str) -> None:
    assert "".join(t.text for t in tokens(query)) == query


def test_every_matched_node_is_restricted_and_nothing_else() -> None:
    query = (
        "MATCH (c:X {d: date('2026-01-01')})-[r:R {z: 1}]->(:Y), () WHERE size(c.name) > 1 AND EXISTS "
        "{ MATCH (c)-->(z) } OPTIONAL MATCH (c)--(o) RETURN count(c) AS n, max(o.x)"
    )
    assert restrict(query, "{node}.s IN $s") == (
        "MATCH (c:X {d: date('2026-01-01')} WHERE c.s IN $s)-[r:R {z: 1}]->(unnamed_1:Y WHERE unnamed_1.s IN $s), "
        "(unnamed_2 WHERE unnamed_2.s IN $s) WHERE size(c.name) > 1 AND EXISTS { MATCH (c WHERE c.s IN $s)-->"
        "(z WHERE z.s IN $s) } OPTIONAL MATCH (c WHERE c.s IN $s)--(o WHERE o.s IN $s) RETURN count(c) AS n, max(o.x)"
    )


def test_the_mall_of_a_call_cannot_be_overridden() -> None:
    bound = bind("RETURN $mall_id AS m, $x AS x", "mine", {"mall_id": "theirs", "x": 1, "unused": 2})
    assert bound == {"mall_id": "mine", "x": 1}
