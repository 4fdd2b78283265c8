"""What members keep: carts and wish lists."""

from msgspec import UNSET, UnsetType

from cafe24_pipelines.cafe24.admin_api.models.order_items import AdditionalOption
from cafe24_pipelines.cafe24.admin_api.models.types import Money, Row, Text, Undocumented, Whole


class Cart(Row):
    """A product in a member's cart, as seen from the product."""

    shop_no: Whole = UNSET
    basket_product_no: Whole = UNSET
    member_id: Text = UNSET
    created_date: Text = UNSET
    product_no: Whole = UNSET
    additional_option_values: list[AdditionalOption] | UnsetType | None = UNSET
    variant_code: Text = UNSET
    quantity: Whole = UNSET
    product_price: Money = UNSET
    option_price: Money = UNSET
    product_bundle: Text = UNSET
    shipping_type: Text = UNSET
    category_no: Whole = UNSET


class WishOption(Row):
    """A text that the member gave with the product."""

    option_name: Text = UNSET
    option_value: Text = UNSET


class WishFile(Row):
    """A file that the member gave with the product."""

    file_path: Text = UNSET


class Wish(Row):
    """A product on a member's wish list; member_id comes from the walk."""

    wishlist_no: int
    shop_no: Whole = UNSET
    member_id: Text = UNSET
    product_no: Whole = UNSET
    variant_code: Text = UNSET
    additional_option: list[WishOption] | UnsetType | None = UNSET
    attached_file_option: list[WishFile] | UnsetType | None = UNSET
    price: Money = UNSET
    product_bundle: Text = UNSET
    created_date: Text = UNSET
    price_content: Undocumented = UNSET
