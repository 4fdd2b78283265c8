"""Who ordered and who gets the parcels of an order."""

from msgspec import UNSET

from cafe24_pipelines.cafe24.admin_api.models.types import Row, Text, Undocumented, Whole


class Buyer(Row):
    """Who ordered."""

    shop_no: Whole = UNSET
    order_id: Text = UNSET
    member_id: Text = UNSET
    member_group_no: Whole = UNSET
    name: Text = UNSET
    names_furigana: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET
    cellphone: Text = UNSET
    customer_notification: Text = UNSET
    updated_date: Text = UNSET
    user_id: Text = UNSET
    user_name: Text = UNSET
    company_name: Text = UNSET
    company_registration_no: Text = UNSET
    buyer_zipcode: Text = UNSET
    buyer_address1: Text = UNSET
    buyer_address2: Text = UNSET


class Receiver(Row):
    """Who gets a parcel."""

    shop_no: Whole = UNSET
    order_id: Text = UNSET
    name: Text = UNSET
    name_furigana: Text = UNSET
    phone: Text = UNSET
    cellphone: Text = UNSET
    virtual_phone_no: Text = UNSET
    zipcode: Text = UNSET
    address1: Text = UNSET
    address2: Text = UNSET
    address_state: Text = UNSET
    address_city: Text = UNSET
    address_street: Text = UNSET
    address_full: Text = UNSET
    name_en: Text = UNSET
    city_en: Text = UNSET
    state_en: Text = UNSET
    street_en: Text = UNSET
    country_code: Text = UNSET
    country_name: Text = UNSET
    country_name_en: Text = UNSET
    shipping_message: Text = UNSET
    clearance_information_type: Text = UNSET
    clearance_information: Text = UNSET
    wished_delivery_date: Text = UNSET
    wished_delivery_time: Undocumented = UNSET
    shipping_code: Text = UNSET
    change_default_shipping_address: Text = UNSET
    use_fast_delivery_date: Text = UNSET
    use_fast_delivery_time: Text = UNSET
