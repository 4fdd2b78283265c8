"""Cancellations, returns and exchanges, as they stand embedded in an order."""

from msgspec import UNSET, UnsetType

from cafe24_pipelines.cafe24.admin_api.models.order_items import OrderItem
from cafe24_pipelines.cafe24.admin_api.models.types import Money, Row, Text, Texts, Undocumented, Whole


class Party(Row):
    """Somebody goods go to or come from, and where."""

    use_pickup: Text = UNSET
    same_address: Text = UNSET
    name: Text = UNSET
    phone: Text = UNSET
    cellphone: Text = UNSET
    zipcode: Text = UNSET
    address: Text = UNSET
    address1: Text = UNSET
    address2: Text = UNSET
    shipping_message: Text = UNSET
    items: Texts = UNSET


class RefundAmount(Row):
    """What is refunded by one means of payment."""

    payment_method: Text = UNSET
    amount: Money = UNSET


class ReturnFee(Row):
    """A return fee shared by some items."""

    group_no: Whole = UNSET
    return_shipping_fee: Money = UNSET
    return_regional_surcharge: Money = UNSET
    items: Texts = UNSET


class ClaimTax(Row):
    """One tax."""

    name: Text = UNSET
    amount: Money = UNSET


class AdditionalPayment(Row):
    """What the buyer pays on top in an exchange; one key is misspelt by the API."""

    payment_amount: Money = UNSET
    payment_method: Text = UNSET
    billing_name: Text = UNSET
    bank_name: Text = UNSET
    bank_accout_no: Text = UNSET
    bank_account_owner_name: Text = UNSET
    order_price_amount: Money = UNSET
    shipping_fee: Money = UNSET
    additional_shipping_fee: Money = UNSET
    postpay_commission: Money = UNSET
    commission: Money = UNSET
    credit_spent_amount: Money = UNSET
    point_spent_amount: Money = UNSET
    tax: list[ClaimTax] | UnsetType | None = UNSET


class Claim(Row):
    """One claim of any kind; each kind leaves out what it has not."""

    shop_no: Whole = UNSET
    order_id: Text = UNSET
    claim_code: Text = UNSET
    status: Text = UNSET
    claim_reason_type: Text = UNSET
    claim_reason: Text = UNSET
    claim_due_date: Text = UNSET
    receiver: Party | UnsetType | None = UNSET
    reshipping_detail: Party | UnsetType | None = UNSET
    return_address: Party | UnsetType | None = UNSET
    pickup: Party | UnsetType | None = UNSET
    pickup_completed: Text = UNSET
    pickup_request_state: Text = UNSET
    additional_payment: AdditionalPayment | UnsetType | None = UNSET
    carrier_id: Undocumented = UNSET
    return_invoice_no: Text = UNSET
    return_shipping_company_name: Text = UNSET
    return_invoice_success: Text = UNSET
    return_invoice_fail_reason: Text = UNSET
    refund_methods: Texts = UNSET
    refund_reason: Text = UNSET
    order_price_amount: Money = UNSET
    refund_amounts: list[RefundAmount] | UnsetType | None = UNSET
    shipping_fee: Money = UNSET
    refund_shipping_fee: Money = UNSET
    refund_regional_surcharge: Money = UNSET
    return_ship_type: Text = UNSET
    return_shipping_fee: Money = UNSET
    return_shipping_fee_detail: list[ReturnFee] | UnsetType | None = UNSET
    return_regional_surcharge: Money = UNSET
    return_regional_surcharge_detail: list[ReturnFee] | UnsetType | None = UNSET
    additional_shipping_fee: Money = UNSET
    international_shipping_insurance: Money = UNSET
    international_shipping_additional_fee: Money = UNSET
    defer_commission: Money = UNSET
    cancel_fee_amount: Money = UNSET
    partner_discount_amount: Money = UNSET
    add_discount_amount: Money = UNSET
    member_grade_discount_amount: Money = UNSET
    shipping_discount_amount: Money = UNSET
    coupon_discount_amount: Money = UNSET
    point_used: Money = UNSET
    credit_used: Money = UNSET
    recover_inventory: Text = UNSET
    request_pickup: Text = UNSET
    exchanged_after_collected: Text = UNSET
    undone: Text = UNSET
    add_memo_too: Text = UNSET
    undone_reason_type: Text = UNSET
    undone_reason: Text = UNSET
    expose_order_detail: Text = UNSET
    exposed_undone_reason: Text = UNSET
    items: list[OrderItem] | UnsetType | None = UNSET
    exchanged_items: list[OrderItem] | UnsetType | None = UNSET
    include_tax: Text = UNSET
    tax: list[ClaimTax] | UnsetType | None = UNSET
