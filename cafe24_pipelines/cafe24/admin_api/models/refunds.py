"""Refunds."""

from msgspec import UNSET, UnsetType

from cafe24_pipelines.cafe24.admin_api.models.order_items import OrderItem
from cafe24_pipelines.cafe24.admin_api.models.types import Money, Row, Text, Texts, Undocumented, Whole


class GatewayStatus(Row):
    """How far a payment gateway is with a cancellation."""

    payment_method: Text = UNSET
    cancel_status: Text = UNSET
    cancel_date: Text = UNSET


class RefundTax(Row):
    """One tax in a refund."""

    name: Text = UNSET
    amount: Money = UNSET


class Refund(Row):
    """One refund."""

    refund_code: str
    shop_no: Whole = UNSET
    member_id: Text = UNSET
    member_email: Text = UNSET
    buyer_email: Text = UNSET
    order_date: Text = UNSET
    accepted_refund_date: Text = UNSET
    refund_date: Text = UNSET
    order_id: Text = UNSET
    order_item_code: Texts = UNSET
    quantity: Whole = UNSET
    actual_refund_amount: Money = UNSET
    used_points: Money = UNSET
    used_credits: Money = UNSET
    currency: Text = UNSET
    payment_methods: Texts = UNSET
    refund_payment_methods: Texts = UNSET
    payment_gateway_cancel_statuses: list[GatewayStatus] | UnsetType | None = UNSET
    payment_gateway_cancel_dates: list[GatewayStatus] | UnsetType | None = UNSET
    status: Text = UNSET
    refund_methods: Texts = UNSET
    refund_bank_name: Text = UNSET
    refund_bank_account_no: Text = UNSET
    refund_bank_account_holder: Text = UNSET
    include_tax: Text = UNSET
    tax: list[RefundTax] | UnsetType | None = UNSET
    cancel_fee_amount: Money = UNSET
    refund_point: Money = UNSET
    refund_credit: Money = UNSET
    refund_naver_point: Money = UNSET
    refund_naver_cash: Money = UNSET
    refund_amount: Money = UNSET
    product_price: Money = UNSET
    shipping_fee: Money = UNSET
    refund_shipping_fee: Money = UNSET
    refund_regional_surcharge: Money = UNSET
    return_shipping_fee: Money = UNSET
    return_regional_surcharge: Money = UNSET
    additional_shipping_fee: Money = UNSET
    international_shipping_insurance: Money = UNSET
    international_shipping_additional_fee: Money = UNSET
    shipping_fee_discount_amount: Money = UNSET
    cod_fees: Money = UNSET
    product_discount_amount: Money = UNSET
    member_group_discount_amount: Money = UNSET
    app_item_discount_amount: Money = UNSET
    app_discount_amount: Money = UNSET
    coupon_discount_amount: Money = UNSET
    product_bundle_discount_amount: Money = UNSET
    points_spent_amount: Money = UNSET
    credits_spent_amount: Money = UNSET
    naver_point: Undocumented = UNSET
    naver_cash: Undocumented = UNSET
    additional_product_amount: Money = UNSET
    manually_input_amount: Money = UNSET
    changed_refund_amount: Money = UNSET
    refund_manager: Text = UNSET
    refund_reason: Text = UNSET
    send_sms: Text = UNSET
    send_mail: Text = UNSET
    items: list[OrderItem] | UnsetType | None = UNSET


class EmbeddedRefund(Row):
    """A refund inside an order, which may lack its code."""

    refund_code: Text = UNSET
    order_id: Text = UNSET
    refund_date: Text = UNSET
    accepted_refund_date: Text = UNSET
    order_item_code: Texts = UNSET
    quantity: Whole = UNSET
    actual_refund_amount: Money = UNSET
    used_points: Money = UNSET
    used_credits: Money = UNSET
    currency: Text = UNSET
    status: Text = UNSET
    refund_methods: Texts = UNSET
