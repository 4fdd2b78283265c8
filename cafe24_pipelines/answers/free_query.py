"""A model's own SQL, run only where it can do no harm: read-only, one mall, bounded, checked on DuckDB's own tree.

The statement is parsed by the engine that will run it, every node of the tree must be on an allow-list, and what runs
is the text that the engine makes of the checked tree. It sees copies of a few tables of one mall on a connection
without files, network, extensions or settings; members are meaningless numbers there, and no text that a person wrote
is. Its result is marked as not verified. Does not belong here: when a model may be asked (see `gather.py`).
"""

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.stores.lake import MallLake

MAX_SQL: Final = 4000
MAX_ROWS: Final = 20
MAX_JOINS: Final = 4
MAX_NODES: Final = 2000
SECONDS: Final = 5.0
MEMORY: Final = "256MB"

_MEMBER = (
    "(SELECT member_key, row_number() OVER (ORDER BY hash(member_key), member_key) AS member_no FROM known_customers)"
)
TABLES: Final[dict[str, str]] = {
    "orders": f"""
        SELECT o.order_id, m.member_no, o.ordered_local, o.status, o.is_sale, o.sale_no, o.net_amount, o.paid_amount,
               o.discount_amount, o.shipping_fee, o.coupon_no, o.country
        FROM order_facts o LEFT JOIN {_MEMBER} m USING (member_key)""",
    "lines": f"""
        SELECT l.order_id, l.product_no, l.quantity, l.unit_price, l.amount, m.member_no, l.ordered_local
        FROM sale_lines l LEFT JOIN {_MEMBER} m USING (member_key)""",
    "products": "SELECT product_no, product_name, category, price, stock_quantity, selling FROM known_products",
    "members": f"""
        SELECT m.member_no, g.group_name AS tier, c.region, c.gender
        FROM known_customers c JOIN {_MEMBER} m USING (member_key) LEFT JOIN customer_groups g USING (group_no)""",
    "reviews": f"""
        SELECT r.product_no, m.member_no, r.rating, r.created_at AT TIME ZONE $zone AS created_local
        FROM reviews r LEFT JOIN {_MEMBER} m USING (member_key)""",
    "coupon_issues": f"""
        SELECT i.coupon_no, c.coupon_name, m.member_no, i.issued_at AT TIME ZONE $zone AS issued_local,
               i.used_at AT TIME ZONE $zone AS used_local
        FROM coupon_issues i LEFT JOIN coupons c USING (coupon_no) LEFT JOIN {_MEMBER} m USING (member_key)""",
}
"""What a model's statement may read, by name; only those it names are copied."""

_AGGREGATES: Final = frozenset(
    ["sum", "count", "count_star", "avg", "min", "max", "median", "stddev", "quantile_cont"]
)
_FUNCTIONS: Final = _AGGREGATES | frozenset(
    [
        *("round", "coalesce", "nullif", "abs", "ceil", "floor", "greatest", "least", "lower", "upper", "length"),
        *("date_trunc", "year", "month", "day", "hour", "isodow", "dayofweek", "quarter", "strftime", "date_diff"),
        *("datediff", "date_part", "to_days", "contains", "starts_with"),
        *("+", "-", "*", "/", "//", "%", "||", "~~", "!~~"),
        *("row_number", "rank", "dense_rank", "lag", "lead", "ntile", "first_value", "last_value"),
    ]
)
_EXPRESSIONS: Final = frozenset(
    ["COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "OPERATOR", "CASE", "CAST", "FUNCTION", "SUBQUERY",
     "WINDOW", "BETWEEN"]
)  # fmt: skip
_OPERATORS: Final = frozenset(
    ["OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_NULLIF",
     "COMPARE_IN", "COMPARE_NOT_IN"]
)  # fmt: skip
_TYPES: Final = frozenset(
    [
        "date",
        "timestamp",
        "time",
        "integer",
        "int",
        "bigint",
        "smallint",
        "double",
        "float",
        "decimal",
        "numeric",
        "varchar",
        "text",
        "boolean",
        "bool",
    ]
)
_NODES: Final = frozenset(["SELECT_NODE", "SET_OPERATION_NODE"])
_FROM: Final = frozenset(["BASE_TABLE", "JOIN", "SUBQUERY", "EMPTY"])
_PRIVATE: Final = "member_no"


_LEAVES: Final = frozenset(["subquery", "literal", "value", "cast_type", "type_expr", "qualified_name"])


class Rejected(ValueError):
    """The statement is not run; the message says why."""


@dataclass(frozen=True)
class FreeResult:
    """Columns and rows of a checked statement; `query` is the text that ran."""

    query: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def checked(sql: str) -> tuple[str, frozenset[str]]:
    """The statement as the engine writes its checked tree, and the tables that it reads.

    Raises:
        Rejected: anything in it is not on the allow-list.
    """
    if not sql.strip() or len(sql) > MAX_SQL or "\x00" in sql:
        raise Rejected("empty, too long, or with a null character")
    with _bare() as db:
        tree = _parsed(db, sql)
        walk = _Walk()
        walk.query(tree["statements"][0]["node"], frozenset(), outermost=True)
        try:
            text = db.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()[0][0]
        except Exception as e:
            raise Rejected("the engine can't write the checked tree") from e
    if not walk.tables:
        raise Rejected("it reads no table")
    return str(text).rstrip("; \n"), frozenset(walk.tables)


def run_free_query(sql: str, lake: "MallLake", zone: str, *, seconds: float = SECONDS) -> FreeResult:
    """Check a statement and run it over one mall's tables; at most 20 rows.

    Raises:
        Rejected: it is not allowed, fails, or takes too long or too much memory.
    """
    import duckdb

    text, tables = checked(sql)
    with _bare() as db:
        for name in sorted(tables):
            copy = lake.query(TABLES[name], {"zone": zone} if "$zone" in TABLES[name] else None, zone=zone)
            db.register("_copy", copy)
            db.execute(f'CREATE TABLE "{name}" AS SELECT * FROM _copy')
            db.unregister("_copy")
        db.execute("SET enable_external_access = false")
        db.execute("SET lock_configuration = true")
        timer = threading.Timer(seconds, db.interrupt)
        timer.start()
        try:
            cursor = db.execute(f"SELECT * FROM ({text}) LIMIT {MAX_ROWS}")
            columns = tuple(str(c[0]) for c in cursor.description or ())
            rows = tuple(tuple(row) for row in cursor.fetchall())
        except duckdb.Error as e:
            raise Rejected(f"it does not run: {str(e).splitlines()[0][:200]}") from e
        finally:
            timer.cancel()
    return FreeResult(text, columns, rows)


def _bare() -> "DuckDBPyConnection":
    """A connection that fetches and loads nothing and sees no variable of this process."""
    import duckdb

    return duckdb.connect(
        config={
            "autoinstall_known_extensions": "false", "python_enable_replacements": "false",
            "allow_community_extensions": "false", "memory_limit": MEMORY, "threads": "1", "temp_directory": "",
        }
    )  # fmt: skip


def _parsed(db: "DuckDBPyConnection", sql: str) -> dict[str, Any]:
    import duckdb

    try:
        text = db.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0]
    except duckdb.Error as e:
        raise Rejected("the engine can't parse it") from e
    tree: dict[str, Any] = json.loads(text)
    if tree.get("error") or len(tree.get("statements", ())) != 1:
        raise Rejected("not exactly one SELECT statement")
    return tree


class _Walk:
    """Goes through the tree; whatever is not known to be harmless is rejected."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.nodes = self.joins = 0

    def query(self, node: dict[str, Any], known: frozenset[str], *, outermost: bool = False) -> None:
        """A query node; `known` are the names of common table expressions in scope."""
        if node.get("type") not in _NODES:
            raise Rejected(f"{node.get('type')} is not allowed")
        for entry in node["cte_map"]["map"]:
            self.query(_cte_node(entry["value"]), known)
            known = known | {str(entry["key"]).lower()}
        if node["type"] == "SET_OPERATION_NODE":
            for side in _sides(node):
                self.query(side, known, outermost=outermost)
            self.expressions(node["modifiers"], known)
            return
        if node.get("sample"):
            raise Rejected("samples are not allowed")
        self.source(node["from_table"], known)
        if outermost:
            self._figures_only(node)
        kept = ("select_list", "where_clause", "group_expressions", "having", "qualify", "modifiers")
        self.expressions([node.get(name) for name in kept], known)

    def source(self, table: dict[str, Any], known: frozenset[str]) -> None:
        """What stands after FROM."""
        kind = table.get("type")
        if kind not in _FROM or table.get("sample") or table.get("at_clause"):
            raise Rejected(f"{kind} after FROM is not allowed")
        if kind == "BASE_TABLE":
            self._table(table, known)
        elif kind == "SUBQUERY":
            self.query(table["subquery"]["node"], known)
        elif kind == "JOIN":
            self.joins += 1
            keyed = table.get("condition") or table.get("using_columns")
            if table.get("ref_type") != "REGULAR" or not keyed or self.joins > MAX_JOINS:
                raise Rejected("only a few joins with a condition are allowed")
            if table.get("join_type") not in ("INNER", "LEFT"):
                raise Rejected("only inner and left joins are allowed")
            if not (table.get("using_columns") or _equates(table["condition"])):
                raise Rejected("a join must compare columns for equality")
            self.source(table["left"], known)
            self.source(table["right"], known)
            self.expressions(table.get("condition"), known)

    def _table(self, table: dict[str, Any], known: frozenset[str]) -> None:
        path = table.get("qualified_name", {}).get("path", [table.get("table_name")])
        name = str(path[-1]).lower()
        if table.get("catalog_name") or table.get("schema_name") or len(path) != 1:
            raise Rejected("a table of another schema is not allowed")
        if name in known:
            return
        if name not in TABLES:
            raise Rejected(f"there is no table {name[:60]!r}")
        self.tables.add(name)

    def expressions(self, part: Any, known: frozenset[str]) -> None:
        """Every expression below; a dictionary with a class is an expression, one with a node a subquery."""
        if isinstance(part, list):
            for item in part:
                self.expressions(item, known)
        elif isinstance(part, dict):
            self.nodes += 1
            if self.nodes > MAX_NODES:
                raise Rejected("it is too large")
            if "class" in part:
                self._expression(part)
            if isinstance(part.get("subquery"), dict):
                self.query(part["subquery"]["node"], known)
            for name, value in part.items():
                if name not in _LEAVES:
                    self.expressions(value, known)

    def _expression(self, part: dict[str, Any]) -> None:
        kind = part["class"]
        if kind not in _EXPRESSIONS:
            raise Rejected(f"{kind} is not allowed")
        if kind == "OPERATOR" and part.get("type") not in _OPERATORS:
            raise Rejected(f"{part.get('type')} is not allowed")
        if kind == "CAST" and _type_name(part) not in _TYPES:
            raise Rejected("only casts to plain types are allowed")
        if kind in ("FUNCTION", "WINDOW"):
            path = part.get("qualified_name", {}).get("path", [part.get("function_name")])
            name = str(path[-1]).lower()
            if part.get("schema") or part.get("catalog") or len(path) != 1 or name not in _FUNCTIONS:
                raise Rejected(f"the function {name[:60]!r} is not allowed")

    def _figures_only(self, node: dict[str, Any]) -> None:
        """The result must be figures: something is aggregated, and members are only counted."""
        if not (node.get("group_expressions") or any(_aggregates(item) for item in node["select_list"])):
            raise Rejected("the result must be aggregated")
        if any(_names_member(item) for item in node["select_list"]):
            raise Rejected("members may be counted, not listed")


def _type_name(cast: dict[str, Any]) -> str:
    named = cast.get("type_expr") or {}
    plain = named.get("type_name") or cast.get("cast_type", {}).get("id")
    path = named.get("qualified_name", {}).get("path") or [plain]
    return str(path[-1]).lower() if len(path) == 1 else ""


def _cte_node(value: dict[str, Any]) -> dict[str, Any]:
    """The node of a common table expression, as this and earlier versions of the engine write it."""
    inner = value.get("query_node") or value.get("query", {}).get("node")
    if not isinstance(inner, dict):
        raise Rejected("a common table expression can't be read")
    return inner


def _sides(node: dict[str, Any]) -> list[dict[str, Any]]:
    sides = node["children"] if node.get("children") else [node.get("left"), node.get("right")]
    if not all(isinstance(side, dict) for side in sides):
        raise Rejected("a set operation can't be read")
    return list(sides)


def _equates(condition: Any) -> bool:
    """Whether a join condition equates columns of two tables (at its top, or on one side of an AND)."""
    if not isinstance(condition, dict):
        return False
    if condition.get("type") == "CONJUNCTION_AND":
        return any(_equates(child) for child in condition.get("children", ()))
    sides = [condition.get("left"), condition.get("right")]
    columns = [s for s in sides if isinstance(s, dict) and s.get("class") == "COLUMN_REF"]
    owners = {str(c["column_names"][0]).lower() for c in columns if len(c.get("column_names", ())) == 2}
    return condition.get("type") == "COMPARE_EQUAL" and len(owners) == 2


def _aggregates(part: Any) -> bool:
    if isinstance(part, list):
        return any(_aggregates(item) for item in part)
    if not isinstance(part, dict):
        return False
    if part.get("class") == "FUNCTION" and str(part.get("function_name")).lower() in _AGGREGATES:
        return True
    return any(_aggregates(value) for name, value in part.items() if name != "subquery")


def _names_member(part: Any) -> bool:
    """Whether a member's number is shown as it is, outside of count()."""
    if isinstance(part, list):
        return any(_names_member(item) for item in part)
    if not isinstance(part, dict):
        return False
    if part.get("class") == "FUNCTION" and str(part.get("function_name")).lower() in ("count", "count_star"):
        return False
    if part.get("class") == "COLUMN_REF":
        return str(part.get("column_names", [""])[-1]).lower() == _PRIVATE
    return any(_names_member(value) for value in part.values())
