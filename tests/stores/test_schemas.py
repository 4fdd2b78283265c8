"""The typed tables: each one is well-formed, and none has room for personal data."""

import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.privacy import PERSONAL_COLUMNS
from cafe24_pipelines.names import SHOP_TABLES
from cafe24_pipelines.stores.schemas import MONEY, TABLES, TIME


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_is_well_formed(table):
    names = [c.name for c in table.columns]
    assert names[0] == "mall_id" and len(set(names)) == len(names)
    assert set(table.scope) <= set(table.key)  # a scope that isn't part of the key could tear a row's group
    assert all(not table.column(k).nullable for k in table.key)
    assert table.schema.names == names
    for column in table.columns:
        assert not pa.types.is_floating(column.type), "money and counts are exact"
        if pa.types.is_timestamp(column.type):
            assert column.type == TIME
        if pa.types.is_decimal(column.type):
            assert column.type == MONEY
        assert not column.allowed or column.type == pa.string()


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_table_has_a_personal_column(table):
    assert not PERSONAL_COLUMNS & set(table.schema.names)


def test_shop_tables_are_all_but_the_documents():
    assert set(TABLES) - set(SHOP_TABLES) == {"documents"}
    assert all(SHOP_TABLES.values())
