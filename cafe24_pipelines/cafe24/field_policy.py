"""What becomes of every field of the Admin API at the privacy line: the one list, by the API's own field names.

A field is dropped, hashed (member ids), masked (text) or kept as it is. Names that mean different things in different
places are told apart by the model they stand in (`IN_CONTEXT`). A string that no list names fails a test; a field
that no model knows is sealed. Does not belong here: how masking works (`masking/`), or the models.
"""

from enum import Enum
from typing import Final


def _named(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Becomes(Enum):
    """What is done with a field."""

    DROPPED = "dropped"
    HASHED = "hashed"
    WRITTEN = "written"  # typed by people: patterns and the row's own names, ids, numbers and addresses are masked
    WORDED = "worded"  # worded by the merchant or the platform: patterns are masked
    CODED = "coded"  # codes, flags, times, amounts, addresses of images: kept; scanned for patterns as a last resort
    NUMBERED = "numbered"  # numbers of orders, products, coupons …: kept as they are, long digits and all


MEMBER_IDS: Final = {
    "member_id": "member_key",
    "recommend_id": "recommend_key",
    "buy_member_id_list": "buy_member_key_list",
}
"""Member ids, and the name under which their hash is landed."""

OWN_NAMES: Final = _named("""
    name name_english name_phonetic name_en name_furigana names_furigana nick_name writer buyer_name receiver_name
    billing_name refund_bank_account_holder company_name corporate_name bank_account_owner_name
    user_name admin_name refund_manager
""")
OWN_NUMBERS: Final = _named("""
    phone cellphone virtual_phone_no buyer_phone buyer_cellphone bank_account_no bank_accout_no refund_bank_account_no
    company_registration_no clearance_information tracking_no return_invoice_no birthday wedding_anniversary
""")
OWN_ADDRESSES: Final = _named("""
    address address1 address2 address_full address_street buyer_address1 buyer_address2 street_en
""")
OWN_MAILS: Final = _named("email buyer_email member_email writer_email")
DROPPED: Final = (
    OWN_NAMES
    | OWN_NUMBERS
    | OWN_ADDRESSES
    | OWN_MAILS
    | _named("""
        client_ip
        zipcode buyer_zipcode city city_en state state_en address_city address_state
        transaction_ids social_member_code
        shipping_message customer_notification additional_option_value option_text file_path
        user_id admin_id reply_user_id multi_invoice
    """)
)
"""Names, ways to reach or find somebody, accounts, messages to a courier, what a buyer had printed on a product,
who of the merchant's staff did something, and numbers by which a carrier's page shows the recipient."""

WRITTEN: Final = _named("""
    title content reason claim_reason refund_reason undone_reason exposed_undone_reason return_invoice_fail_reason
    option_value interest job keyword url
    """)

WORDED: Final = _named("""
    product_name product_name_default eng_product_name internal_product_name supply_product_name
    supplier_product_name model_name summary_description product_material origin_place origin_place_value
    clearance_category_eng clearance_category_kor option_name option_value_default hash_tags
    category_name 1 2 3 4 group_name group_description coupon_name benefit_text benefit_title benefit_name board_name
    supplier_name shipping_company_name return_shipping_company_name bank_name bank_code_name refund_bank_name
    payment_method_name sub_payment_method_name easypay_name refund_methods order_place_name status_text
    shipping_type_text shipping_fee_type_text
    job_class residence nationality country_name country_name_en sns_list language_name currency_name
    reference_currency_name timezone_name sales_channel ad campaign engine medium
    """)

TIMES: Final = _named("""
    accepted_refund_date account_reactivation_date available_begin_datetime available_date available_end_datetime
    cancel_date cancel_request_date claim_due_date collection_date collection_hour created_date date delivered_date
    end_date exchange_date exchange_request_date expiration_date issue_date issued_date last_login_date made_date
    order_date ordered_date pause_begin_datetime pause_end_datetime payment_date purchaseconfirmation_date refund_date
    release_date return_collected_date return_confirmed_date return_request_date shipped_date start_date updated_date
    used_date wished_delivery_date date_format time_format timezone hour
""")
_FLAGS: Final = _named("""
    access_authority active add_memo_too admin_confirm adult_certification approve_status article_display_type
    attached_file authentication_method author_display available_amount_type available_category
    available_payment_method available_period_type available_price_type available_product available_scope
    available_site bank_code benefit_percentage_round_unit benefit_type benefits_paymethod blacklist_type
    bundled_shipping_type business_country_code buy_benefits buy_limit_by_product buy_limit_type buy_unit_type
    canceled cancel_status case change_default_shipping_address claim_reason_type claim_status claim_type
    clearance_category_code clearance_information_type comment_author_display company_type country_code
    coupon_image_type coupon_type cultural_tax_deduction currency currency_code default deleted discount_limit_type
    discount_unit display display_soldout display_time display_type display_without_benefits
    duplicated_custom_variant_code except_member_points exchanged_after_collected expose_order_detail
    exposure_limit_type first_order first_payment_methods fixed fixed_group foreigner_type gender gift
    group_list_background_color has_option hashtag_product_display image_display important_inventory include_tax
    input_channel input_type inventory_control_type is_https_active is_stopped_issued_coupon
    issue_order_available_category issue_order_available_product issue_order_type issue_reserved issue_sub_type
    issue_type join_path key language_code lifetime_member made_in_code market_id market_sync member_authentication
    member_authority member_type multiple_addresses naver_pay_claim_status naverpay_payment_information naverpay_type
    news_mail notice open_market_status option_type order_from_mobile order_place_id order_quantity_limit_type
    order_status order_status_before_cs origin_classification origin_code paid payment_method payment_methods
    pickup_completed pickup_request_state points_by_product points_setting_by_payment postpay price_before_tax_type
    product_availability product_bundle product_bundle_type product_condition product_display_key
    product_display_period product_display_scope product_display_sort product_display_type product_tax_type
    product_type recover_inventory reference_currency_code refund_bank_code refund_payment_methods reply reply_feature
    reply_mail reply_permission reply_status repurchase_restriction request_pickup return_invoice_success
    return_ship_type same_address secret secret_only selling send_mail send_sms send_sms_for_issue service_type
    ship_benefits shipping_fee_by_product shipping_fee_type shipping_payment_option shipping_status shipping_type
    show_shipping_address single_purchase single_purchase_restriction sms solar_calendar sold_out
    soldout_product_display status status_code store_pickup sub_category_product_display sub_payment_method_code
    subscription supplier_transaction_type tax_calculation tax_type taxation_method thirdparty_agree truncation_unit
    type undone undone_reason_type unit_system use_additional_board use_blacklist use_board use_category use_comment
    use_display use_escrow use_fast_delivery_date use_fast_delivery_time use_inventory use_kakaopay use_main
    use_mobile_app use_naverpay use_notification_when_login use_pickup use_product_volume use_reference_currency
    use_report use_top_image use_writer_block used_coupon weight_unit write_permission
""")
_MEASURES: Final = _named("""
    benefit_percent benefit_percentage benefit_value country_tax_rate coupon_percent coupon_value coupon_value_final
    discount_amount_limit exchange_rate margin_rate max_discount points_rate
    product_height product_length product_weight product_width rate
    order_amount order_amount_per_buyer order_amount_per_visitor member_order_amount nonmember_order_amount
    purchase_rate visit_rate sales_price_per_category
""")
_PAGES_AND_IMAGES: Final = _named("""
    base_domain coupon_direct_url detail_image group_icon group_image icon image list_image primary_domain small_image
    tiny_image top_image_url domain
""")
CODED: Final = TIMES | _FLAGS | _MEASURES | _PAGES_AND_IMAGES

NUMBERED: Final = _named("""
    order_id order_item_code related_order_id market_order_no naver_pay_order_id market_item_no naverpay_review_id
    claim_code refund_code shipping_code payment_info_id product_code custom_product_code variant_code variants_code
    custom_variant_code option_id option_code hs_code hscode brand_code classification_code manufacturer_code
    supplier_code supplier_id trend_code product_bundle_no shipping_company_id shipping_company_code coupon_no
    issue_no items applied_product_list
    """)

IN_CONTEXT: Final = {
    "VariantOption.name": Becomes.WORDED,
    "VariantOption.value": Becomes.WORDED,
    # the question is the merchant's, the answer the buyer's: a name to engrave, a birthday, a file
    "AdditionalOption.name": Becomes.WORDED,
    "AdditionalOption.value": Becomes.DROPPED,
    "WishOption.option_value": Becomes.DROPPED,
    "AdditionalOrderInfo.name": Becomes.WORDED,
    "AdditionalOrderInfo.value": Becomes.DROPPED,
    "AdditionalInformation.key": Becomes.WORDED,
    "AdditionalInformation.value": Becomes.DROPPED,
    "ServiceData.title": Becomes.WORDED,
    "ServiceData.value": Becomes.DROPPED,
    "AttachedFile.name": Becomes.DROPPED,
    "AttachedFile.url": Becomes.DROPPED,
    "TaxDetail.name": Becomes.WORDED,
    "ClaimTax.name": Becomes.WORDED,
    "RefundTax.name": Becomes.WORDED,
    "CustomerPrivacy.shop_name": Becomes.DROPPED,  # the member's own business
    "Shop.shop_name": Becomes.WORDED,
}
"""Where a name means something else than elsewhere: `Model.field`."""

REGION_FROM: Final = {
    "Buyer": ("buyer_address1",),
    "Receiver": ("address_state", "address1", "address_full"),
    "CustomerPrivacy": ("state", "address1"),
}
"""Where the province (`region`) is read from: the first word, when it is one of Korea's 17."""

CONTACT_FIELDS: Final = ("name", "phone", "cellphone", "email")
"""What a mall that opted in keeps, sealed, beside a member's id."""

CONTACTS_FROM: Final = frozenset({"CustomerPrivacy", "Customer"})
"""The models that say of a member how to reach them."""


def becomes(model: str, field: str) -> Becomes | None:
    """What is done with a field of a model; None when no list names it."""
    if (told := IN_CONTEXT.get(f"{model}.{field}")) is not None:
        return told
    for names, what in (
        (DROPPED, Becomes.DROPPED),
        (MEMBER_IDS, Becomes.HASHED),
        (WRITTEN, Becomes.WRITTEN),
        (WORDED, Becomes.WORDED),
        (NUMBERED, Becomes.NUMBERED),
        (CODED, Becomes.CODED),
    ):
        if field in names:
            return what
    return None
