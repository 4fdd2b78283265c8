"""The mall's shops, one a language or currency."""

from msgspec import UNSET

from cafe24_pipelines.cafe24.admin_api.models.types import Row, Text, Undocumented, Whole


class Shop(Row):
    """One shop."""

    shop_no: int
    default: Text = UNSET
    shop_name: Text = UNSET
    business_country_code: Text = UNSET
    language_code: Text = UNSET
    language_name: Text = UNSET
    currency_code: Text = UNSET
    currency_name: Text = UNSET
    reference_currency_code: Text = UNSET
    reference_currency_name: Text = UNSET
    pc_skin_no: Whole = UNSET
    mobile_skin_no: Whole = UNSET
    base_domain: Text = UNSET
    primary_domain: Text = UNSET
    slave_domain: Undocumented = UNSET
    active: Text = UNSET
    timezone: Text = UNSET
    timezone_name: Text = UNSET
    date_format: Text = UNSET
    time_format: Text = UNSET
    unit_system: Text = UNSET
    weight_unit: Text = UNSET
    use_reference_currency: Text = UNSET
    is_https_active: Text = UNSET
    site_connect: Undocumented = UNSET
    channel: Undocumented = UNSET
    use_translation: Undocumented = UNSET
