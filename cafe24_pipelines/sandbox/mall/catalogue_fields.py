"""Fields of the shop's own things that are the same in every row, by the API's names.

Does not belong here: fields that differ between rows (`catalogue_rows.py`).
"""

from typing import Any, Final

_BENEFIT: Final = {
    "amount_product": "0.00", "amount_discount": "0.00", "discount_unit": "P", "truncation_unit": "C",
    "max_discount": "0.00",
}  # fmt: skip
GROUP: Final[dict[str, Any]] = {
    "group_icon": "", "benefits_paymethod": "A", "buy_benefits": "F", "ship_benefits": "F",
    "product_availability": "A", "discount_information": _BENEFIT, "points_information": _BENEFIT,
    "mobile_discount_information": _BENEFIT, "mobile_points_information": _BENEFIT,
    "discount_limit_information": {
        "discount_limit_type": "A", "discount_amount_limit": None, "number_of_discount_limit": None,
    },
}  # fmt: skip
PRODUCT: Final[dict[str, Any]] = {
    "internal_product_name": "", "model_name": "", "product_condition": "N", "product_used_month": None,
    "margin_rate": "60.00", "tax_calculation": "A", "tax_type": "A", "tax_rate": 10, "price_content": None,
    "buy_limit_by_product": "F", "buy_limit_type": "F", "buy_group_list": None, "buy_member_id_list": None,
    "repurchase_restriction": "F", "single_purchase_restriction": "F", "buy_unit_type": "O", "buy_unit": 1,
    "order_quantity_limit_type": "O", "minimum_quantity": 1, "maximum_quantity": 0, "points_by_product": "F",
    "points_setting_by_payment": "B", "points_amount": None, "except_member_points": "F",
    "product_volume": {
        "use_product_volume": "F", "product_width": None, "product_height": None, "product_length": None,
    },
    "adult_certification": "F", "use_naverpay": "T", "naverpay_type": "C", "use_kakaopay": "T",
    "manufacturer_code": "M0000000", "trend_code": "T0000000", "brand_code": "B0000000", "supplier_code": "S0000000",
    "made_date": "", "release_date": "", "expiration_date": {"start_date": "", "end_date": ""},
    "origin_classification": "F", "origin_place_no": 1798, "origin_place_value": "", "made_in_code": "KR",
    "icon_show_period": {"start_date": None, "end_date": None}, "icon": None, "hscode": "", "product_weight": "0.50",
    "product_material": "", "english_product_material": None, "cloth_fabric": None,
    "list_icon": {"soldout_icon": False, "recommend_icon": False, "new_icon": False}, "approve_status": "",
    "classification_code": "C000000A", "additional_price": "0.00", "clearance_category_eng": None,
    "clearance_category_kor": None, "clearance_category_code": None, "exposure_limit_type": "A",
    "exposure_group_list": [], "set_product_type": None, "shipping_fee_by_product": "F", "shipping_fee_type": "T",
    "main": [], "market_sync": "F",
}  # fmt: skip
CATEGORY: Final[dict[str, Any]] = {
    "display_type": "A", "use_main": "F", "use_display": "T", "soldout_product_display": "B",
    "sub_category_product_display": "F", "hashtag_product_display": "F", "hash_tags": [],
    "product_display_scope": "A", "product_display_type": "U", "product_display_key": "A",
    "product_display_sort": "D", "product_display_period": "1W",
    **{
        f"{kind}_product_display_{part}": None
        for kind in ("normal", "recommend", "new")
        for part in ("type", "key", "sort", "period")
    },
    "access_authority": "F",
}  # fmt: skip
COUPON: Final[dict[str, Any]] = {
    "coupon_type": "O", "coupon_description": None, "deleted": "F", "is_stopped_issued_coupon": "F",
    "pause_begin_datetime": None, "pause_end_datetime": None, "benefit_percentage_round_unit": "C",
    "benefit_percentage_max_price": None, "include_regional_shipping_rate": None, "include_foreign_delivery": None,
    "coupon_direct_url": "", "issue_member_join": None, "issue_member_join_recommend": None,
    "issue_member_join_type": None, "issue_order_amount_type": None, "issue_order_start_date": None,
    "issue_order_end_date": None, "issue_order_amount_limit": None, "issue_order_amount_min": None,
    "issue_order_amount_max": None, "issue_order_path": None, "issue_order_type": "O",
    "issue_order_available_product": "U", "issue_order_available_category": "U", "issue_anniversary_type": None,
    "issue_anniversary_pre_issue_day": None, "issue_module_type": None, "issue_review_count": None,
    "issue_review_has_image": None, "issue_quantity_min": None, "issue_quntity_type": None, "issue_max_count": None,
    "issue_max_count_by_user": None, "issue_count_per_once": None, "issue_member_group_no": None,
    "issue_member_group_name": None, "issue_no_purchase_period": None, "issue_reserved": "F",
    "issue_reserved_date": None, "available_period_type": "R", "available_site": "W,M", "available_scope": "O",
    "available_day_from_issued": 30, "available_price_type": "U", "available_order_price_type": None,
    "available_min_price": None, "available_amount_type": "E", "available_payment_method": "all",
    "available_product": "U", "available_product_list": None, "available_category": "U",
    "available_category_list": None, "available_coupon_count_by_order": 1, "serial_generate_method": None,
    "coupon_image_type": "B", "coupon_image_path": None, "show_product_detail": None,
    "use_notification_when_login": "F", "send_sms_for_issue": "F", "send_email_for_issue": None,
}  # fmt: skip
BOARD: Final[dict[str, Any]] = {
    "use_additional_board": "F", "use_board": "T", "use_display": "T", "attached_file": "T",
    "attached_file_size_limit": 2048, "article_display_type": "A", "image_display": "T", "image_resize": 600,
}  # fmt: skip
