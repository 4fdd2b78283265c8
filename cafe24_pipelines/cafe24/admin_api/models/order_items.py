"""Lines of orders, as they stand under `items` of an order and of its claims."""

from msgspec import UNSET, UnsetType

from cafe24_pipelines.cafe24.admin_api.models.types import Money, Number, Row, Text, Undocumented, Whole, Wholes


class AdditionalOption(Row):
    """A text or file that the buyer gave with the product."""

    key: Text = UNSET
    type: Text = UNSET
    name: Text = UNSET
    value: Text = UNSET


class OptionValue(Row):
    """What was chosen of one option."""

    option_text: Text = UNSET
    value_no: Whole = UNSET


class ItemOption(Row):
    """One option of the product."""

    option_code: Text = UNSET
    option_name: Undocumented = UNSET
    option_value: OptionValue | UnsetType | None = UNSET


class BundleProduct(Row):
    """A product inside a bundle."""

    product_no: Whole = UNSET
    product_code: Text = UNSET
    variant_code: Text = UNSET
    product_name: Text = UNSET
    product_name_default: Text = UNSET
    option_id: Text = UNSET
    option_value: Text = UNSET
    option_value_default: Text = UNSET
    additional_option_value: Text = UNSET
    additional_option_values: list[AdditionalOption] | UnsetType | None = UNSET
    quantity: Whole = UNSET
    supplier_id: Text = UNSET
    eng_product_name: Undocumented = UNSET
    hs_code: Text = UNSET
    product_price: Money = UNSET
    option_price: Money = UNSET
    custom_product_code: Text = UNSET
    custom_variant_code: Undocumented = UNSET


class OrderItem(Row):
    """One line of an order; its status is `order_status`."""

    shop_no: Whole = UNSET
    item_no: Whole = UNSET
    order_item_code: Text = UNSET
    order_id: Text = UNSET
    variant_code: Text = UNSET
    product_no: Whole = UNSET
    product_code: Text = UNSET
    internal_product_name: Text = UNSET
    custom_product_code: Text = UNSET
    custom_variant_code: Text = UNSET
    eng_product_name: Undocumented = UNSET
    option_id: Text = UNSET
    option_value: Text = UNSET
    option_value_default: Text = UNSET
    additional_option_value: Text = UNSET
    additional_option_values: list[AdditionalOption] | UnsetType | None = UNSET
    product_name: Text = UNSET
    product_name_default: Text = UNSET
    product_price: Money = UNSET
    option_price: Money = UNSET
    additional_discount_price: Money = UNSET
    coupon_discount_price: Money = UNSET
    app_item_discount_amount: Money = UNSET
    payment_amount: Money = UNSET
    quantity: Whole = UNSET
    product_tax_type: Text = UNSET
    tax_rate: Number = UNSET
    supplier_product_name: Text = UNSET
    supplier_transaction_type: Text = UNSET
    supplier_id: Text = UNSET
    supplier_name: Text = UNSET
    tracking_no: Text = UNSET
    shipping_code: Text = UNSET
    claim_code: Text = UNSET
    claim_type: Text = UNSET
    claim_status: Text = UNSET
    claim_reason_type: Text = UNSET
    claim_reason: Text = UNSET
    refund_bank_name: Text = UNSET
    refund_bank_account_no: Text = UNSET
    refund_bank_account_holder: Text = UNSET
    post_express_flag: Undocumented = UNSET
    order_status: Text = UNSET
    request_undone: Undocumented = UNSET
    claim_quantity: Whole = UNSET
    order_status_additional_info: Undocumented = UNSET
    status_code: Text = UNSET
    status_text: Text = UNSET
    open_market_status: Text = UNSET
    bundled_shipping_type: Text = UNSET
    shipping_company_id: Text = UNSET
    shipping_company_name: Text = UNSET
    shipping_company_code: Text = UNSET
    product_bundle: Text = UNSET
    product_bundle_no: Text = UNSET
    product_bundle_name: Undocumented = UNSET
    product_bundle_name_default: Undocumented = UNSET
    product_bundle_type: Text = UNSET
    was_product_bundle: Undocumented = UNSET
    original_bundle_item_no: Undocumented = UNSET
    naver_pay_order_id: Undocumented = UNSET
    naver_pay_claim_status: Text = UNSET
    individual_shipping_fee: Money = UNSET
    shipping_fee_type: Text = UNSET
    shipping_fee_type_text: Text = UNSET
    shipping_payment_option: Text = UNSET
    payment_info_id: Text = UNSET
    original_item_no: Wholes = UNSET
    store_pickup: Text = UNSET
    ordered_date: Text = UNSET
    shipped_date: Text = UNSET
    delivered_date: Text = UNSET
    purchaseconfirmation_date: Text = UNSET
    cancel_date: Text = UNSET
    return_confirmed_date: Text = UNSET
    return_request_date: Text = UNSET
    return_collected_date: Text = UNSET
    cancel_request_date: Text = UNSET
    refund_date: Text = UNSET
    exchange_request_date: Text = UNSET
    exchange_date: Text = UNSET
    product_material: Undocumented = UNSET
    product_material_eng: Undocumented = UNSET
    cloth_fabric: Undocumented = UNSET
    product_weight: Text = UNSET
    volume_size: Undocumented = UNSET
    volume_size_weight: Undocumented = UNSET
    clearance_category: Undocumented = UNSET
    clearance_category_info: Undocumented = UNSET
    clearance_category_code: Undocumented = UNSET
    hs_code: Text = UNSET
    one_plus_n_event: Undocumented = UNSET
    origin_place: Text = UNSET
    origin_place_no: Whole = UNSET
    made_in_code: Text = UNSET
    origin_place_value: Text = UNSET
    gift: Text = UNSET
    item_granting_gift: Undocumented = UNSET
    subscription: Text = UNSET
    product_bundle_list: list[BundleProduct] | UnsetType | None = UNSET
    market_cancel_request: Undocumented = UNSET
    market_cancel_request_quantity: Undocumented = UNSET
    market_fail_reason: Undocumented = UNSET
    market_fail_reason_guide: Undocumented = UNSET
    market_fail_reason_type: Undocumented = UNSET
    market_item_sequence: Undocumented = UNSET
    market_item_no: Undocumented = UNSET
    market_custom_variant_code: Undocumented = UNSET
    option_type: Text = UNSET
    options: list[ItemOption] | UnsetType | None = UNSET
    market_discount_amount: Money = UNSET
    labels: Undocumented = UNSET
    order_status_before_cs: Text = UNSET
    supply_price: Money = UNSET
    multi_invoice: Undocumented = UNSET
    shipping_expected_date: Undocumented = UNSET
    dropshipping_type: Undocumented = UNSET
