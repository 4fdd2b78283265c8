"""The typed tables of the lake: columns, types, keys and rules, defined once.

Landing casts to these, the lake stores them, Great Expectations suites and documentation derive from them.
Times are `timestamp[us, UTC]`; money is `decimal128(20, 4)` with the currency beside it (0.001 prices exist);
ids are strings (coupon numbers have 19 digits, foreign stock codes have letters). Column names follow the
Cafe24 Admin API where it has the field.

What each shop table holds is said once, in `names.SHOP_TABLES`. `member_key` is the keyed hash of a member id (see
`cafe24/privacy.py`); null means a guest.
"""

from dataclasses import dataclass

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(20, 4)
TEXT = pa.string()
INT = pa.int64()


@dataclass(frozen=True)
class Column:
    """One column: its type, whether null is allowed, and closed value sets or bounds where they exist."""

    name: str
    type: pa.DataType
    nullable: bool = True
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Table:
    """One resource: `key` identifies a row; `scope` is what a new landing replaces as a whole.

    An order's items are replaced together (`scope=("order_id",)`), so a line that left the order leaves the lake.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    scope: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema; `mall_id` comes first in every table."""
        return pa.schema([pa.field(c.name, c.type, c.nullable) for c in self.columns])

    def column(self, name: str) -> Column:
        """The column of that name (KeyError if there is none)."""
        return {c.name: c for c in self.columns}[name]


ORDER_STATUS = (
    "unpaid", "paid", "shipping", "delivered", "confirmed", "cancelled", "returned", "exchanged",
)  # fmt: skip
GENDERS = ("F", "M")
EVENT_KINDS = ("view", "cart", "purchase")
DOCUMENT_KINDS = ("endpoint", "resource", "guide", "article")


def _table(name: str, key: str, *columns: Column, scope: str = "") -> Table:
    keys = tuple(key.split())
    mall = Column("mall_id", TEXT, nullable=False)
    return Table(name, (mall, *columns), keys, tuple(scope.split()) or keys)


def _required(name: str, kind: pa.DataType = TEXT, **kw: object) -> Column:
    return Column(name, kind, nullable=False, **kw)  # type: ignore[arg-type]


TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        _table(
            "customers", "member_key",
            _required("member_key"), Column("created_at", TIME), Column("group_no", TEXT),
            Column("gender", TEXT, allowed=GENDERS), Column("region", TEXT),
            Column("accepts_sms", pa.bool_()), Column("accepts_email", pa.bool_()),
            Column("last_login_at", TIME),
        ),
        _table(
            "customer_groups", "group_no",
            _required("group_no"), _required("group_name"),
        ),
        _table(
            "categories", "category_no",
            _required("category_no"), _required("category_name"), Column("parent_category_no", TEXT),
        ),
        _table(
            "products", "product_no",
            _required("product_no"), _required("product_name"), Column("category_no", TEXT),
            Column("category", TEXT), Column("price", MONEY, minimum=0), Column("currency", TEXT),
            Column("created_at", TIME), Column("selling", pa.bool_()), Column("stock_quantity", INT),
        ),
        _table(
            "orders", "order_id",
            _required("order_id"), Column("member_key", TEXT), _required("ordered_at", TIME),
            _required("status", allowed=ORDER_STATUS), _required("paid_amount", MONEY),
            _required("currency"), Column("discount_amount", MONEY), Column("shipping_fee", MONEY),
            Column("coupon_no", TEXT), Column("delivered_at", TIME), Column("country", TEXT),
        ),
        _table(
            "order_items", "order_id line_no",
            _required("order_id"), _required("line_no", INT, minimum=1), _required("product_no"),
            Column("product_name", TEXT), Column("category", TEXT), _required("quantity", INT),
            _required("unit_price", MONEY, minimum=0), _required("amount", MONEY), _required("currency"),
            Column("status", TEXT, allowed=ORDER_STATUS),
            scope="order_id",
        ),
        _table(
            "coupons", "coupon_no",
            _required("coupon_no"), _required("coupon_name"), Column("benefit_type", TEXT),
            Column("benefit_value", MONEY), Column("available_from", TIME), Column("available_to", TIME),
        ),
        _table(
            "coupon_issues", "issue_no",
            _required("issue_no"), _required("coupon_no"), _required("member_key"),
            _required("issued_at", TIME), Column("used_at", TIME), Column("used_order_id", TEXT),
        ),
        _table(
            "reviews", "review_no",
            _required("review_no"), _required("product_no"), Column("member_key", TEXT),
            Column("order_id", TEXT), Column("rating", INT, minimum=1, maximum=5), Column("content", TEXT),
            _required("created_at", TIME),
        ),
        _table(
            "events", "event_id",
            _required("event_id"), Column("member_key", TEXT), _required("event", allowed=EVENT_KINDS),
            Column("product_no", TEXT), _required("at", TIME),
        ),
        _table(
            "documents", "document_id",
            _required("document_id"), _required("collection"), _required("kind", allowed=DOCUMENT_KINDS),
            _required("title"), _required("body"), _required("language"), _required("source"),
            Column("resource", TEXT), Column("method", TEXT), Column("path", TEXT), Column("scope", TEXT),
            Column("version", TEXT), Column("fields", TEXT), Column("tags", TEXT),
        ),
    )
}  # fmt: skip
