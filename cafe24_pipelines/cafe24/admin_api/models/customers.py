"""Members with and without their contact fields, and their tiers."""

from msgspec import UNSET, UnsetType

from cafe24_pipelines.cafe24.admin_api.models.types import Money, Row, Text, Texts, Undocumented, Whole


class Customer(Row):
    """A member without contact fields."""

    member_id: str
    shop_no: Whole = UNSET
    group_no: Whole = UNSET
    member_authentication: Text = UNSET
    use_blacklist: Text = UNSET
    blacklist_type: Text = UNSET
    authentication_method: Text = UNSET
    sms: Text = UNSET
    news_mail: Text = UNSET
    solar_calendar: Text = UNSET
    total_points: Money = UNSET
    available_points: Money = UNSET
    used_points: Money = UNSET
    last_login_date: Text = UNSET
    created_date: Text = UNSET
    gender: Text = UNSET
    use_mobile_app: Text = UNSET
    available_credits: Money = UNSET
    fixed_group: Text = UNSET


class AdditionalInformation(Row):
    """An answer to a question of the sign-up form."""

    key: Text = UNSET
    value: Text = UNSET


class CustomerPrivacy(Row):
    """A member with contact fields."""

    member_id: str
    shop_no: Whole = UNSET
    name: Text = UNSET
    name_english: Text = UNSET
    name_phonetic: Text = UNSET
    phone: Text = UNSET
    cellphone: Text = UNSET
    email: Text = UNSET
    sms: Text = UNSET
    news_mail: Text = UNSET
    thirdparty_agree: Text = UNSET
    wedding_anniversary: Text = UNSET
    birthday: Text = UNSET
    solar_calendar: Text = UNSET
    total_points: Money = UNSET
    available_points: Money = UNSET
    used_points: Money = UNSET
    available_credits: Money = UNSET
    city: Text = UNSET
    state: Text = UNSET
    address1: Text = UNSET
    address2: Text = UNSET
    group_no: Whole = UNSET
    job: Text = UNSET
    job_class: Text = UNSET
    zipcode: Text = UNSET
    created_date: Text = UNSET
    member_authentication: Text = UNSET
    use_blacklist: Text = UNSET
    blacklist_type: Text = UNSET
    last_login_date: Text = UNSET
    member_authority: Text = UNSET
    nick_name: Text = UNSET
    recommend_id: Text = UNSET
    residence: Text = UNSET
    interest: Text = UNSET
    gender: Text = UNSET
    member_type: Text = UNSET
    company_type: Text = UNSET
    foreigner_type: Text = UNSET
    authentication_method: Text = UNSET
    lifetime_member: Text = UNSET
    corporate_name: Text = UNSET
    nationality: Text = UNSET
    shop_name: Text = UNSET
    country_code: Text = UNSET
    use_mobile_app: Text = UNSET
    join_path: Text = UNSET
    fixed_group: Text = UNSET
    refund_bank_code: Text = UNSET
    refund_bank_account_no: Text = UNSET
    refund_bank_account_holder: Text = UNSET
    company_condition: Undocumented = UNSET
    company_line: Undocumented = UNSET
    sns_list: Texts = UNSET
    account_reactivation_date: Text = UNSET
    additional_information: list[AdditionalInformation] | UnsetType | None = UNSET


class Discount(Row):
    """A tier's discount or points."""

    amount_product: Money = UNSET
    amount_discount: Money = UNSET
    discount_unit: Text = UNSET
    truncation_unit: Text = UNSET
    max_discount: Text = UNSET


class DiscountLimit(Row):
    """How often or how much a tier's discount applies."""

    discount_limit_type: Text = UNSET
    discount_amount_limit: Text = UNSET
    number_of_discount_limit: Undocumented = UNSET


class CustomerGroup(Row):
    """A tier."""

    group_no: int
    shop_no: Whole = UNSET
    group_name: Text = UNSET
    group_description: Text = UNSET
    group_icon: Text = UNSET
    benefits_paymethod: Text = UNSET
    buy_benefits: Text = UNSET
    ship_benefits: Text = UNSET
    product_availability: Text = UNSET
    discount_information: Discount | UnsetType | None = UNSET
    points_information: Discount | UnsetType | None = UNSET
    mobile_discount_information: Discount | UnsetType | None = UNSET
    mobile_points_information: Discount | UnsetType | None = UNSET
    discount_limit_information: DiscountLimit | UnsetType | None = UNSET
    auto_change_information: Undocumented = UNSET
    display_without_benefits: Text = UNSET
    group_list_background_color: Text = UNSET
    group_image: Text = UNSET
