"""The Analytics API's lists of where visits and sales came from, and how sales split.

An answer speaks of the whole period that it was asked for and its rows say no day; so each is asked for one day at a
time, and `date` comes from the walk. Ratios can't be averaged over days. Does not belong here: visitors, carts and
products (`reports.py`).
"""

from msgspec import UNSET

from cafe24_pipelines.cafe24.admin_api.models.types import Code, Figure, Row, Text, Whole


class AdeffectAddetails(Row):
    """What an advertisement and a search word brought."""

    ad: Text = UNSET
    keyword: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    visit_count: Whole = UNSET
    visit_rate: Figure = UNSET
    purchase_count: Whole = UNSET
    purchase_rate: Figure = UNSET
    order_amount: Figure = UNSET
    order_amount_per_visitor: Figure = UNSET
    order_amount_per_buyer: Figure = UNSET


class MembersSales(Row):
    """Orders and sales of members and of guests."""

    shop_no: Whole = UNSET
    date: Text = UNSET
    member_order_count: Whole = UNSET
    member_order_amount: Figure = UNSET
    nonmember_order_count: Whole = UNSET
    nonmember_order_amount: Figure = UNSET


class PagesView(Row):
    """How often a page was seen."""

    url: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    count: Whole = UNSET
    visit_count: Whole = UNSET
    first_visit_count: Whole = UNSET


class ProductsCategorydetails(Row):
    """What was sold of a product, and put into carts, in one of its categories."""

    product_no: int
    category_no: Whole = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    category_name: Text = UNSET
    product_code: Text = UNSET
    product_name: Text = UNSET
    sales_count_per_category: Whole = UNSET
    sales_item_per_category: Whole = UNSET
    sales_price_per_category: Figure = UNSET
    carts_count_per_category: Whole = UNSET


class SalesOrderdetails(Row):
    """What an order came from. `date` is the day it was asked for: whether that is `order_date` is undocumented."""

    order_id: str
    shop_no: Whole = UNSET
    date: Text = UNSET
    order_date: Text = UNSET
    ad: Text = UNSET
    medium: Text = UNSET
    campaign: Text = UNSET
    content: Text = UNSET
    keyword: Text = UNSET
    payment_method: Text = UNSET
    order_amount: Figure = UNSET


class SalesPaymethods(Row):
    """Orders and sales by means of payment."""

    payment_method: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    buyers_count: Whole = UNSET
    order_count: Whole = UNSET
    order_amount: Figure = UNSET


class SalesPervisitors(Row):
    """Sales a visitor and a buyer."""

    shop_no: Whole = UNSET
    date: Text = UNSET
    order_amount_per_visitor: Figure = UNSET
    order_amount_per_buyer: Figure = UNSET


class SalesTimes(Row):
    """Orders and sales by hour of the day."""

    hour: Code = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    buyers_count: Whole = UNSET
    order_count: Whole = UNSET
    order_amount: Figure = UNSET


class VisitpathsAdkeywordsales(Row):
    """Orders and sales by advertisement and search word."""

    ad: Text = UNSET
    keyword: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    order_count: Whole = UNSET
    order_amount: Figure = UNSET


class VisitpathsAds(Row):
    """Visits by advertisement."""

    ad: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    visit_count: Whole = UNSET


class VisitpathsAdsales(Row):
    """Orders and sales by advertisement."""

    ad: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    order_count: Whole = UNSET
    order_amount: Figure = UNSET


class VisitpathsDomains(Row):
    """Visits by the domain that they came from."""

    domain: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    visit_count: Whole = UNSET


class VisitpathsDomainsales(Row):
    """Orders and sales by the domain that the buyer came from."""

    domain: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    order_count: Whole = UNSET
    order_amount: Figure = UNSET


class VisitpathsKeyworddetails(Row):
    """What a search word of an engine brought."""

    engine: Text = UNSET
    keyword: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    visit_count: Whole = UNSET
    purchase_count: Whole = UNSET
    purchase_rate: Figure = UNSET
    order_amount: Figure = UNSET
    order_amount_per_visitor: Figure = UNSET
    order_amount_per_buyer: Figure = UNSET


class VisitpathsKeywords(Row):
    """Visits by search word."""

    keyword: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    visit_count: Whole = UNSET


class VisitpathsKeywordsales(Row):
    """Orders and sales by search word."""

    keyword: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    order_count: Whole = UNSET
    order_amount: Figure = UNSET


class VisitpathsUrls(Row):
    """Visits by the address that they came from."""

    url: Text = UNSET
    shop_no: Whole = UNSET
    date: Text = UNSET
    visit_count: Whole = UNSET
