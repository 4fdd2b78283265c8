"""The shared Cypher subset: what is refused, and what a restriction to one mall does to a query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cafe24_pipelines.stores.cypher import BadQuery, bind, check_reading, restrict, tokens

HARMLESS = [
    "MATCH (a:X) WHERE a.set = 'CREATE' AND a.`delete` = 1 RETURN a.set AS `call`",
    "match (a:X) return a.uid order by a.uid limit 3",
    "MATCH (a:X)-[r:R*1..2]->(b) WHERE NOT EXISTS { MATCH (b)-[:R]->(:Y) } RETURN count(b) AS n, (1 + 2) * 3;",
    "UNWIND [1, 2] AS x RETURN x",
    "MATCH (a:X) RETURN a.uid // MERGE (b)",
    "MATCH (a:X {name: 'O\\'Brien; DELETE'}) RETURN a.uid",
    "MATCH (a:X) RETURN [x IN [1] WHERE EXISTS { MATCH (b:X) WHERE b.y = x } | x] AS n",
    "MATCH (a:X {match: 1}) RETURN {limit: a.order, `set`: a.skip} AS m, a.x STARTS WITH 'x', [1, 2][0..1]",
    "MATCH p = (a)-[*1..2]->(b) RETURN nodes(p) AS n, length(p) AS l UNION MATCH (p:X) RETURN p.n AS n, 1.5e3 AS l",
    "MATCH (a)<-[r:R|:S*..3 {z: 1}]-(`b c`:X|Y), (a)--() OPTIONAL MATCH (a)-->(d) WITH a WHERE a.x > 1 RETURN 1",
]
HARMFUL = [
    "", "   ", "MATCH (a) SET a.x = 1", "MATCH (a) WITH a DELETE a", "MATCH (a) REMOVE a.x", "DROP TABLE X",
    "MATCH (a) CALL { MATCH (b) RETURN b } RETURN b", "MATCH (a) FOREACH (x IN [1] | SET a.x = 1)",
    "LOAD CSV FROM 'file:///x' AS row RETURN row", "MATCH (a) RETURN a; MATCH (b) RETURN b",
    "MATCH (a) WHERE (a)-[:R]->(:Y) RETURN a", "MATCH (a) RETURN [(x:X)-[:R]->(y) | y.name]",
    "MATCH (a) RETURN COUNT { (a)-->() }", "MATCH p = shortestPath((a)-[*]->(b)) RETURN p",
    "MATCH ((a)-->(b)){1,3} RETURN a", "MATCH (a WHERE a.x = 1) RETURN a",
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


def test_nodes_inside_a_path_are_restricted_too() -> None:
    """A predicate on both ends of a path says nothing of the nodes between."""
    assert restrict("MATCH p = (a:X)<-[r:R|S*1..3 {z: 1}]-(b) RETURN nodes(p) AS n", "{node}.s = 1") == (
        "MATCH p = (a:X WHERE a.s = 1) ((unnamed_1 WHERE unnamed_1.s = 1)<-[r:R|S {z: 1}]-"
        "(unnamed_2 WHERE unnamed_2.s = 1)){1,3} (b WHERE b.s = 1) RETURN nodes(p) AS n"
    )


@pytest.mark.parametrize(
    ("hops", "quantifier"),
    [("*", "{1,}"), ("*2", "{2}"), ("*2..", "{2,}"), ("*..4", "{1,4}"), ("*0..1", "{0,1}"), ("* 1 .. 3", "{1,3}")],
)
def test_lengths_of_paths_keep_their_meaning(hops: str, quantifier: str) -> None:
    assert f"-[]->(unnamed_2 WHERE x)){quantifier} (b" in restrict(f"MATCH (a)-[{hops}]->(b) RETURN 1", "x")


def test_names_for_unnamed_nodes_are_not_the_query_s_own() -> None:
    restricted = restrict("MATCH (unnamed_1)-->() RETURN unnamed_1.x", "{node}.s = 1")
    assert restricted == (
        "MATCH (unnamed_1 WHERE unnamed_1.s = 1)-->(unnamed___1 WHERE unnamed___1.s = 1) RETURN unnamed_1.x"
    )


def test_comments_and_spaces_stay_where_they_are() -> None:
    query = "MATCH/* (x) */( // )\r\na /* ' */ : X )RETURN//\na.x"
    assert restrict(query, "{node}.s = 1") == query.replace(": X )", ": X  WHERE a.s = 1)")


def test_what_is_not_of_the_subset_is_never_restricted_by_guess() -> None:
    for query in HARMFUL:
        with pytest.raises(BadQuery):
            restrict(query, "{node}.s = 1")


@given(st.text("MATCHRETURN(a)-[]{}'\"`/*\\.,:;|$ \n\r가\u200b0", max_size=40))
def test_any_text_is_refused_in_plain_words_or_let_through(query: str) -> None:
    assert "".join(t.text for t in tokens(query)) == query
    try:
        check_reading(query)
    except BadQuery as e:
        assert e.remedy


def test_the_mall_of_a_call_cannot_be_overridden() -> None:
    bound = bind("RETURN $mall_id AS m, $x AS x", "mine", {"mall_id": "theirs", "x": 1, "unused": 2})
    assert bound == {"mall_id": "mine", "x": 1}


def test_parameters_of_the_store_can_t_be_given() -> None:
    with pytest.raises(BadQuery, match="the store's own"):
        bind("RETURN $_scopes AS s", "mine", {"_scopes": ["theirs"]})
