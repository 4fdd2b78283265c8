"""Orders with everything that can be embedded in them."""

from msgspec import UNSET, UnsetType, field

from cafe24_pipelines.cafe24.admin_api.models.claims import Claim
from cafe24_pipelines.cafe24.admin_api.models.order_items import OrderItem
from cafe24_pipelines.cafe24.admin_api.models.order_parties import Buyer, Receiver
from cafe24_pipelines.cafe24.admin_api.models.refunds import EmbeddedRefund
from cafe24_pipelines.cafe24.admin_api.models.types import Money, Number, Row, Text, Texts, Undocumented, Whole


class OrderAmount(Row):
    """How a total comes about."""

    order_price_amount: Money = UNSET
    shipping_fee: Money = UNSET
    points_spent_amount: Money = UNSET
    credits_spent_amount: Money = UNSET
    coupon_discount_price: Money = UNSET
    coupon_shipping_fee_amount: Money = UNSET
    membership_discount_amount: Money = UNSET
    shipping_fee_discount_amount: Money = UNSET
    set_product_discount_amount: Money = UNSET
    app_discount_amount: Money = UNSET
    point_incentive_amount: Money = UNSET
    total_amount_due: Money = UNSET
    payment_amount: Money = UNSET
    market_other_discount_amount: Money = UNSET
    tax: Money = UNSET


class ShippingFee(Row):
    """The fee of one group of items; one key is misspelt by the API."""

    shipping_group_code: Whole = UNSET
    supplier_code: Text = UNSET
    shipping_fee: Money = UNSET
    cancel_shipping_fee: Money = UNSET
    additional_shipping_fee: Money = UNSET
    refunded_shipping_fee: Money = UNSET
    return_shpping_fee: Money = UNSET
    items: Texts = UNSET


class RegionalSurcharge(Row):
    """The surcharge of one group of items for remote regions."""

    shipping_group_code: Whole = UNSET
    supplier_code: Text = UNSET
    regional_surcharge_amount: Money = UNSET
    cancel_shipping_fee: Money = UNSET
    additional_shipping_fee: Money = UNSET
    refunded_shipping_fee: Money = UNSET
    return_shpping_fee: Money = UNSET
    items: Texts = UNSET


class AdditionalOrderInfo(Row):
    """A question of the order form and the buyer's answer."""

    id: Whole = UNSET
    name: Text = UNSET
    value: Text = UNSET
    input_type: Text = UNSET
    product_type: Text = UNSET
    applied_product_list: Texts = UNSET


class TaxRule(Row):
    """How one tax applies."""

    rate: Text = UNSET
    taxation_method: Text = UNSET


class TaxDetail(Row):
    """One tax on some items."""

    name: Text = UNSET
    amount: Money = UNSET
    price_before_tax: Money = UNSET
    price_before_tax_type: Text = UNSET
    order_item_code: Texts = UNSET
    country_tax_rate: Text = UNSET
    region_tax: TaxRule | UnsetType | None = UNSET
    product_tax_override: TaxRule | UnsetType | None = UNSET
    shipping_tax_override: TaxRule | UnsetType | None = UNSET


class ServiceData(Row):
    """What a service (a rental, say) adds to an order."""

    key: Text = UNSET
    value: Text = UNSET
    title: Text = UNSET


class OrderCoupon(Row):
    """A coupon used on an order."""

    shop_no: Whole = UNSET
    order_id: Text = UNSET
    order_item_code: Text = UNSET
    coupon_name: Text = UNSET
    coupon_code: Undocumented = UNSET
    coupon_percent: Text = UNSET
    coupon_value: Text = UNSET
    coupon_value_final: Text = UNSET


class OrderBenefit(Row):
    """A benefit applied to an order."""

    shop_no: Whole = UNSET
    order_id: Text = UNSET
    order_item_code: Text = UNSET
    benefit_no: Whole = UNSET
    benefit_title: Text = UNSET
    benefit_name: Text = UNSET
    benefit_code: Undocumented = UNSET
    benefit_percent: Text = UNSET
    benefit_value: Text = UNSET
    benefit_app_key: Undocumented = UNSET


class Order(Row):
    """One order. It has no status of its own: each item has."""

    order_id: str
    shop_no: Whole = UNSET
    currency: Text = UNSET
    market_id: Text = UNSET
    market_order_no: Undocumented = UNSET
    member_id: Text = UNSET
    member_email: Text = UNSET
    member_authentication: Text = UNSET
    initial_order_amount: OrderAmount | UnsetType | None = UNSET
    actual_order_amount: OrderAmount | UnsetType | None = UNSET
    billing_name: Text = UNSET
    bank_code: Text = UNSET
    bank_code_name: Text = UNSET
    payment_method: Texts = UNSET
    payment_method_name: Texts = UNSET
    payment_gateway_names: Undocumented = UNSET
    sub_payment_method_name: Text = UNSET
    sub_payment_method_code: Text = UNSET
    transaction_ids: Undocumented = UNSET
    paid: Text = UNSET
    canceled: Text = UNSET
    order_date: Text = UNSET
    first_order: Text = UNSET
    payment_date: Text = UNSET
    order_from_mobile: Text = UNSET
    use_escrow: Text = UNSET
    group_no_when_ordering: Whole = UNSET
    customer_group_no_when_ordering: Whole = UNSET
    bank_account_no: Text = UNSET
    bank_account_owner_name: Text = UNSET
    market_seller_id: Undocumented = UNSET
    payment_amount: Money = UNSET
    cancel_date: Text = UNSET
    order_place_name: Text = UNSET
    order_place_id: Text = UNSET
    payment_confirmation: Undocumented = UNSET
    commission: Money = UNSET
    postpay: Text = UNSET
    admin_additional_amount: Money = UNSET
    additional_shipping_fee: Money = UNSET
    international_shipping_insurance: Money = UNSET
    additional_handling_fee: Money = UNSET
    shipping_type: Text = UNSET
    shipping_type_text: Text = UNSET
    shipping_status: Text = UNSET
    shipping_fee_detail: list[ShippingFee] | UnsetType | None = UNSET
    regional_surcharge_detail: list[RegionalSurcharge] | UnsetType | None = UNSET
    wished_delivery_date: Text = UNSET
    wished_delivery_time: Undocumented = UNSET
    wished_carrier_id: Undocumented = UNSET
    wished_carrier_name: Undocumented = UNSET
    return_confirmed_date: Text = UNSET
    total_supply_price: Money = UNSET
    naver_point: Number = UNSET
    additional_order_info_list: list[AdditionalOrderInfo] | UnsetType | None = UNSET
    store_pickup: Text = UNSET
    easypay_name: Text = UNSET
    loan_status: Undocumented = UNSET
    subscription: Text = UNSET
    multiple_addresses: Text = UNSET
    exchange_rate: Text = UNSET
    first_payment_methods: Texts = UNSET
    naverpay_payment_information: Text = UNSET
    market_discount_info: Undocumented = UNSET
    include_tax: Text = UNSET
    tax_detail: list[TaxDetail] | UnsetType | None = UNSET
    service_type: Text = UNSET
    service_data: list[ServiceData] | UnsetType | None = UNSET
    show_shipping_address: Text = UNSET
    social_member_code: Undocumented = UNSET
    social_name: Undocumented = UNSET
    items: list[OrderItem] | UnsetType | None = UNSET
    buyer: Buyer | UnsetType | None = UNSET
    receivers: list[Receiver] | UnsetType | None = UNSET
    return_: list[Claim] | Claim | UnsetType | None = field(default=UNSET, name="return")
    cancellation: list[Claim] | Claim | UnsetType | None = UNSET
    exchange: list[Claim] | Claim | UnsetType | None = UNSET
    benefits: list[OrderBenefit] | UnsetType | None = UNSET
    coupons: list[OrderCoupon] | UnsetType | None = UNSET
    refunds: list[EmbeddedRefund] | UnsetType | None = UNSET
