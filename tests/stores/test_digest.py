"""Digests: equal exactly when the content is."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cafe24_pipelines.stores.digest import combine, json_digest, table_digest, text_digest

SCHEMA = pa.schema([("a", pa.string()), ("b", pa.int64()), ("c", pa.decimal128(20, 4))])
ROW = st.tuples(
    st.one_of(st.none(), st.sampled_from(["", "x", "None", "가"])),
    st.one_of(st.none(), st.integers(-2, 2)),
    st.one_of(st.none(), st.sampled_from([Decimal("0"), Decimal("0.1"), Decimal("-0.1")])),
)


def table(rows: list[tuple[object, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


@settings(deadline=None)
@given(st.lists(ROW, max_size=8), st.randoms(use_true_random=False))
def test_row_order_column_order_and_chunks_do_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    other = pa.concat_tables([table(shuffled[:3]), table(shuffled[3:])]).select(["c", "a", "b"])
    assert table_digest(other) == table_digest(table(rows))


@settings(deadline=None, max_examples=200)
@given(st.lists(ROW, max_size=5), st.lists(ROW, max_size=5))
def test_different_rows_have_different_digests(one, two):
    same = sorted(map(repr, one)) == sorted(map(repr, two))
    assert (table_digest(table(one)) == table_digest(table(two))) is same


def test_names_and_types_count():
    base = pa.table({"a": pa.array([1], pa.int64())})
    assert table_digest(base) != table_digest(pa.table({"b": pa.array([1], pa.int64())}))
    assert table_digest(base) != table_digest(pa.table({"a": pa.array([1], pa.int32())}))
    assert table_digest(base.slice(0, 0)) != table_digest(base)


def test_nested_values_and_times_count():
    lists = pa.table({"a": pa.array([[1, 2], None, []], pa.list_(pa.int64()))})
    assert table_digest(lists) == table_digest(lists.take([2, 0, 1]))
    assert table_digest(lists) != table_digest(pa.table({"a": pa.array([[2, 1], None, []], pa.list_(pa.int64()))}))
    micro = [pa.table({"t": pa.array([n], pa.timestamp("us", tz="UTC"))}) for n in (0, 1)]
    assert table_digest(micro[0]) != table_digest(micro[1])


def test_text_digest_knows_where_a_part_ends():
    assert text_digest("ab", "c") != text_digest("a", "bc")
    assert len(text_digest("ab")) == 32 and text_digest("ab") == text_digest("ab")


@pytest.mark.parametrize(("one", "two"), [({"a": 1, "b": 2}, {"b": 2, "a": 1})])
def test_json_digest_ignores_the_order_of_keys_only(one, two):
    assert json_digest(one) == json_digest(two)
    assert json_digest([1, 2]) != json_digest([2, 1])


def test_combined_digests_form_a_set():
    assert combine(["a", "b"]) == combine(["b", "a"]) != combine(["a"])
