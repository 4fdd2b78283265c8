"""Coupons and their issues."""

from msgspec import UNSET

from cafe24_pipelines.cafe24.admin_api.models.types import (
    Given,
    Money,
    Nullish,
    Row,
    Text,
    Undocumented,
    Whole,
    Wholes,
)


class Coupon(Row):
    """A coupon as defined; one key is misspelt by the API."""

    coupon_no: str
    shop_no: Whole = UNSET
    coupon_type: Text = UNSET
    coupon_name: Text = UNSET
    coupon_description: Undocumented = UNSET
    created_date: Text = UNSET
    deleted: Text = UNSET
    is_stopped_issued_coupon: Text = UNSET
    pause_begin_datetime: Text = UNSET
    pause_end_datetime: Text = UNSET
    benefit_text: Text = UNSET
    benefit_type: Text = UNSET
    benefit_price: Money = UNSET
    benefit_percentage: Text = UNSET
    benefit_percentage_round_unit: Text = UNSET
    benefit_percentage_max_price: Money = UNSET
    include_regional_shipping_rate: Undocumented = UNSET
    include_foreign_delivery: Undocumented = UNSET
    coupon_direct_url: Text = UNSET
    issue_type: Text = UNSET
    issue_sub_type: Text = UNSET
    issue_member_join: Undocumented = UNSET
    issue_member_join_recommend: Undocumented = UNSET
    issue_member_join_type: Undocumented = UNSET
    issue_order_amount_type: Undocumented = UNSET
    issue_order_start_date: Undocumented = UNSET
    issue_order_end_date: Undocumented = UNSET
    issue_order_amount_limit: Undocumented = UNSET
    issue_order_amount_min: Undocumented = UNSET
    issue_order_amount_max: Undocumented = UNSET
    issue_order_path: Undocumented = UNSET
    issue_order_type: Text = UNSET
    issue_order_available_product: Text = UNSET
    issue_order_available_category: Text = UNSET
    issue_anniversary_type: Undocumented = UNSET
    issue_anniversary_pre_issue_day: Undocumented = UNSET
    issue_module_type: Undocumented = UNSET
    issue_review_count: Undocumented = UNSET
    issue_review_has_image: Undocumented = UNSET
    issue_quantity_min: Undocumented = UNSET
    issue_quntity_type: Undocumented = UNSET
    issue_max_count: Undocumented = UNSET
    issue_max_count_by_user: Undocumented = UNSET
    issue_count_per_once: Undocumented = UNSET
    issued_count: Undocumented = UNSET
    issue_member_group_no: Undocumented = UNSET
    issue_member_group_name: Undocumented = UNSET
    issue_no_purchase_period: Undocumented = UNSET
    issue_reserved: Text = UNSET
    issue_reserved_date: Undocumented = UNSET
    available_date: Text = UNSET
    available_period_type: Text = UNSET
    available_begin_datetime: Text = UNSET
    available_end_datetime: Text = UNSET
    available_site: Text = UNSET
    available_scope: Text = UNSET
    available_day_from_issued: Undocumented = UNSET
    available_price_type: Text = UNSET
    available_order_price_type: Undocumented = UNSET
    available_min_price: Money = UNSET
    available_amount_type: Text = UNSET
    available_payment_method: Text = UNSET
    available_product: Text = UNSET
    available_product_list: Wholes = UNSET
    available_category: Text = UNSET
    available_category_list: Wholes = UNSET
    available_coupon_count_by_order: Whole = UNSET
    serial_generate_method: Undocumented = UNSET
    coupon_image_type: Text = UNSET
    coupon_image_path: Undocumented = UNSET
    show_product_detail: Undocumented = UNSET
    use_notification_when_login: Text = UNSET
    send_sms_for_issue: Text = UNSET
    send_email_for_issue: Undocumented = UNSET
    recurring_issuance_interval: Undocumented = UNSET
    recurring_issuance_day: Undocumented = UNSET
    recurring_issuance_hour: Undocumented = UNSET
    recurring_issuance_minute: Undocumented = UNSET
    issue_limit: Undocumented = UNSET
    same_user_reissue: Undocumented = UNSET
    issue_order_date: Undocumented = UNSET
    exclude_unsubscribed: Undocumented = UNSET
    discount_amount: Undocumented = UNSET
    discount_rate: Undocumented = UNSET
    issue_on_anniversary: Undocumented = UNSET
    recurring_issuance: Undocumented = UNSET
    status: Undocumented = UNSET


class CouponIssue(Row):
    """One coupon in one member's hands."""

    issue_no: str
    member_id: Given
    shop_no: Whole = UNSET
    coupon_no: Text = UNSET
    group_no: Whole = UNSET
    issued_date: Text = UNSET
    expiration_date: Nullish = UNSET
    used_coupon: Text = UNSET
    used_date: Nullish = UNSET
    related_order_id: Nullish = UNSET
