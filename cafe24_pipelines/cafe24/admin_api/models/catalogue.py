"""Products with variants, stock, categories, and what lies in which category."""

from msgspec import UNSET, UnsetType, field

from cafe24_pipelines.cafe24.admin_api.models.types import (
    Code,
    Money,
    Number,
    Row,
    Text,
    Texts,
    Truth,
    Undocumented,
    Whole,
    Wholes,
)


class PointsAmount(Row):
    """Points by means of payment."""

    payment_method: Text = UNSET
    points_rate: Text = UNSET


class Volume(Row):
    """A product's size."""

    use_product_volume: Text = UNSET
    product_width: Text = UNSET
    product_height: Text = UNSET
    product_length: Text = UNSET


class Period(Row):
    """From one day to another."""

    start_date: Text = UNSET
    end_date: Text = UNSET


class ListIcon(Row):
    """Which marks a product shows in lists."""

    soldout_icon: Truth = UNSET
    recommend_icon: Truth = UNSET
    new_icon: Truth = UNSET


class VariantOption(Row):
    """One option of a variant, as the merchant named it."""

    name: Text = UNSET
    value: Text = UNSET


class Inventory(Row):
    """The stock of one variant."""

    variant_code: str
    shop_no: Whole = UNSET
    product_no: Whole = UNSET
    use_inventory: Text = UNSET
    important_inventory: Text = UNSET
    inventory_control_type: Text = UNSET
    display_soldout: Text = UNSET
    quantity: Whole = UNSET
    safety_inventory: Whole = UNSET
    origin_code: Text = UNSET


class Variant(Row):
    """One variant of a product."""

    shop_no: Whole = UNSET
    product_no: Whole = UNSET
    variant_code: Text = UNSET
    options: list[VariantOption] | UnsetType | None = UNSET
    custom_variant_code: Text = UNSET
    display: Text = UNSET
    selling: Text = UNSET
    display_order: Whole = UNSET
    additional_amount: Money = UNSET
    supply_price: Money = UNSET
    use_inventory: Text = UNSET
    important_inventory: Text = UNSET
    inventory_control_type: Text = UNSET
    display_soldout: Text = UNSET
    quantity: Whole = UNSET
    safety_inventory: Whole = UNSET
    image: Text = UNSET
    duplicated_custom_variant_code: Text = UNSET
    inventories: Undocumented = UNSET


class Product(Row):
    """One product."""

    product_no: int
    shop_no: Whole = UNSET
    product_code: Text = UNSET
    custom_product_code: Text = UNSET
    product_name: Text = UNSET
    eng_product_name: Text = UNSET
    supply_product_name: Text = UNSET
    internal_product_name: Text = UNSET
    model_name: Text = UNSET
    price_excluding_tax: Money = UNSET
    price: Money = UNSET
    retail_price: Money = UNSET
    supply_price: Money = UNSET
    display: Text = UNSET
    selling: Text = UNSET
    product_condition: Text = UNSET
    product_used_month: Whole = UNSET
    summary_description: Text = UNSET
    product_tag: Undocumented = UNSET
    margin_rate: Text = UNSET
    tax_calculation: Text = UNSET
    tax_type: Text = UNSET
    tax_rate: Number = UNSET
    price_content: Undocumented = UNSET
    buy_limit_by_product: Text = UNSET
    buy_limit_type: Text = UNSET
    buy_group_list: Wholes = UNSET
    buy_member_id_list: Texts = UNSET
    repurchase_restriction: Text = UNSET
    single_purchase_restriction: Text = UNSET
    single_purchase: Text = UNSET
    buy_unit_type: Text = UNSET
    buy_unit: Whole = UNSET
    order_quantity_limit_type: Text = UNSET
    minimum_quantity: Whole = UNSET
    maximum_quantity: Whole = UNSET
    points_by_product: Text = UNSET
    points_setting_by_payment: Text = UNSET
    points_amount: list[PointsAmount] | UnsetType | None = UNSET
    except_member_points: Text = UNSET
    product_volume: Volume | UnsetType | None = UNSET
    adult_certification: Text = UNSET
    detail_image: Text = UNSET
    list_image: Text = UNSET
    tiny_image: Text = UNSET
    small_image: Text = UNSET
    use_naverpay: Text = UNSET
    naverpay_type: Text = UNSET
    use_kakaopay: Text = UNSET
    manufacturer_code: Text = UNSET
    trend_code: Text = UNSET
    brand_code: Text = UNSET
    supplier_code: Text = UNSET
    made_date: Text = UNSET
    release_date: Text = UNSET
    expiration_date: Period | UnsetType | None = UNSET
    origin_classification: Text = UNSET
    origin_place_no: Whole = UNSET
    origin_place_value: Text = UNSET
    made_in_code: Text = UNSET
    icon_show_period: Period | UnsetType | None = UNSET
    icon: Texts = UNSET
    hscode: Text = UNSET
    product_weight: Text = UNSET
    product_material: Text = UNSET
    created_date: Text = UNSET
    updated_date: Text = UNSET
    english_product_material: Undocumented = UNSET
    cloth_fabric: Undocumented = UNSET
    list_icon: ListIcon | UnsetType | None = UNSET
    approve_status: Text = UNSET
    classification_code: Text = UNSET
    sold_out: Text = UNSET
    additional_price: Money = UNSET
    clearance_category_eng: Text = UNSET
    clearance_category_kor: Text = UNSET
    clearance_category_code: Text = UNSET
    exposure_limit_type: Text = UNSET
    exposure_group_list: Wholes = UNSET
    set_product_type: Undocumented = UNSET
    shipping_fee_by_product: Text = UNSET
    shipping_fee_type: Text = UNSET
    main: Wholes = UNSET
    market_sync: Text = UNSET
    cultural_tax_deduction: Text = UNSET
    size_guide: Undocumented = UNSET
    has_option: Text = UNSET
    option_type: Text = UNSET
    variants: list[Variant] | UnsetType | None = UNSET


class Steps(Row):
    """A value for each depth of the category tree."""

    one: Text = field(default=UNSET, name="1")
    two: Text = field(default=UNSET, name="2")
    three: Text = field(default=UNSET, name="3")
    four: Text = field(default=UNSET, name="4")


class StepNumbers(Row):
    """A category number, or the text of one, for each depth of the category tree."""

    one: Code = field(default=UNSET, name="1")
    two: Code = field(default=UNSET, name="2")
    three: Code = field(default=UNSET, name="3")
    four: Code = field(default=UNSET, name="4")


class Category(Row):
    """One category."""

    category_no: int
    shop_no: Whole = UNSET
    category_depth: Whole = UNSET
    parent_category_no: Whole = UNSET
    category_name: Text = UNSET
    display_type: Text = UNSET
    full_category_name: Steps | UnsetType | None = UNSET
    full_category_no: StepNumbers | UnsetType | None = UNSET
    root_category_no: Whole = UNSET
    use_main: Text = UNSET
    use_display: Text = UNSET
    display_order: Whole = UNSET
    soldout_product_display: Text = UNSET
    sub_category_product_display: Text = UNSET
    hashtag_product_display: Text = UNSET
    hash_tags: Texts = UNSET
    product_display_scope: Text = UNSET
    product_display_type: Text = UNSET
    product_display_key: Text = UNSET
    product_display_sort: Text = UNSET
    product_display_period: Text = UNSET
    normal_product_display_type: Undocumented = UNSET
    normal_product_display_key: Undocumented = UNSET
    normal_product_display_sort: Undocumented = UNSET
    normal_product_display_period: Undocumented = UNSET
    recommend_product_display_type: Undocumented = UNSET
    recommend_product_display_key: Undocumented = UNSET
    recommend_product_display_sort: Undocumented = UNSET
    recommend_product_display_period: Undocumented = UNSET
    new_product_display_type: Undocumented = UNSET
    new_product_display_key: Undocumented = UNSET
    new_product_display_sort: Undocumented = UNSET
    new_product_display_period: Undocumented = UNSET
    access_authority: Text = UNSET


class CategoryProduct(Row):
    """A product's place in a category; category_no and display_group come from the walk."""

    product_no: int
    shop_no: Whole = UNSET
    category_no: Whole = UNSET
    display_group: Whole = UNSET
    sequence_no: Whole = UNSET
    auto_sort: Truth = UNSET
    sold_out: Truth = UNSET
    fixed_sort: Truth = UNSET
    not_for_sale: Truth = UNSET
