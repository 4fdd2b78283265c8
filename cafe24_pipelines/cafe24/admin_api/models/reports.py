"""Sales reports, and the analytics host's counts of visitors and products; some numbers come as strings.

Does not belong here: where visits and sales came from (`analytics.py`).
"""

from msgspec import UNSET

from cafe24_pipelines.cafe24.admin_api.models.types import Money, Row, Text, Undocumented, Whole


class HourlySales(Row):
    """One hour's sales."""

    collection_date: str
    collection_hour: str
    shop_no: Whole = UNSET
    order_count: Whole = UNSET
    item_count: Whole = UNSET
    order_price_amount: Money = UNSET
    shipping_fee: Money = UNSET
    order_sale_price: Money = UNSET
    coupon_discount_price: Money = UNSET
    actual_order_amount: Money = UNSET
    refund_amount: Money = UNSET
    sales: Money = UNSET
    used_points: Money = UNSET
    used_credits: Money = UNSET
    used_naver_points: Money = UNSET
    used_naver_cash: Money = UNSET
    refund_points: Money = UNSET
    refund_credits: Money = UNSET
    refund_naver_points: Money = UNSET
    refund_naver_cash: Money = UNSET


class ProductSales(Row):
    """One hour's sales of one variant."""

    collection_date: str
    collection_hour: str
    product_no: int
    shop_no: Whole = UNSET
    variants_code: Text = UNSET
    product_price: Money = UNSET
    settle_count: Whole = UNSET
    refund_count: Whole = UNSET
    sale_count: Whole = UNSET
    exchange_product_count: Whole = UNSET
    cancel_product_count: Whole = UNSET
    return_product_count: Whole = UNSET
    total_sale_count: Whole = UNSET
    total_cancel_count: Whole = UNSET


class SalesVolume(Row):
    """One hour's pieces sold of one variant, by the day they were paid; numbers come as strings."""

    product_no: int
    collection_date: str
    collection_hour: str
    shop_no: Whole = UNSET
    variants_code: Text = UNSET
    product_price: Money = UNSET
    product_option_price: Money = UNSET
    settle_count: Whole = UNSET
    exchane_product_count: Whole = UNSET
    cancel_product_count: Whole = UNSET
    return_product_count: Whole = UNSET
    total_sales: Money = UNSET
    updated_date: Text = UNSET


class VisitorsView(Row):
    """Visits of one day."""

    date: str
    shop_no: Whole = UNSET
    visit_count: Whole = UNSET
    first_visit_count: Whole = UNSET
    re_visit_count: Whole = UNSET


class VisitorsPageview(Row):
    """Page views of one hour, or of a day where there is no hour."""

    date: str
    shop_no: Whole = UNSET
    hour: Undocumented = UNSET
    page_view: Whole = UNSET


class VisitorsUnique(Row):
    """Unique visitors of one day; days can't be added up."""

    date: str
    shop_no: Whole = UNSET
    unique_visit_count: Whole = UNSET


class VisitorsDailyactive(Row):
    """Users of one day without repeated visits; days can't be added up."""

    date: str
    shop_no: Whole = UNSET
    user_count: Whole = UNSET


class CartsAction(Row):
    """How often a product was seen and put into carts; date comes from the walk."""

    product_no: int
    shop_no: Whole = UNSET
    date: Text = UNSET
    product_name: Text = UNSET
    count: Whole = UNSET
    add_cart_count: Whole = UNSET
    add_cart_rate: Undocumented = UNSET


class ProductsView(Row):
    """How often a product was seen; date comes from the walk."""

    product_no: int
    shop_no: Whole = UNSET
    date: Text = UNSET
    product_name: Text = UNSET
    count: Whole = UNSET


class ProductsSales(Row):
    """What the analytics host counts as sold of a product; date comes from the walk."""

    product_no: int
    shop_no: Whole = UNSET
    date: Text = UNSET
    product_name: Text = UNSET
    add_cart_count: Whole = UNSET
    order_count: Whole = UNSET
    order_product_count: Whole = UNSET
    order_amount: Undocumented = UNSET
