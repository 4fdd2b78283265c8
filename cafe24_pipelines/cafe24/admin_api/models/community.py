"""Boards and what is written on them."""

from msgspec import UNSET, UnsetType

from cafe24_pipelines.cafe24.admin_api.models.types import Given, Row, Text, Undocumented, Whole


class Board(Row):
    """One board."""

    board_no: int
    shop_no: Whole = UNSET
    board_type: Whole = UNSET
    board_name: Text = UNSET
    use_additional_board: Text = UNSET
    use_board: Text = UNSET
    use_display: Text = UNSET
    use_top_image: Text = UNSET
    top_image_url: Text = UNSET
    use_report: Text = UNSET
    use_writer_block: Text = UNSET
    display_order: Whole = UNSET
    attached_file: Text = UNSET
    attached_file_size_limit: Whole = UNSET
    article_display_type: Text = UNSET
    image_display: Text = UNSET
    image_resize: Whole = UNSET
    use_category: Text = UNSET
    categories: Undocumented = UNSET
    secret_only: Text = UNSET
    admin_confirm: Text = UNSET
    comment_author_display: Text = UNSET
    comment_author_protection: Undocumented = UNSET
    spam_auto_prevention: Undocumented = UNSET
    reply_feature: Text = UNSET
    write_permission: Text = UNSET
    write_member_group_no: Undocumented = UNSET
    write_permission_extra: Undocumented = UNSET
    reply_permission: Text = UNSET
    reply_member_group_no: Undocumented = UNSET
    author_display: Text = UNSET
    author_protection: Undocumented = UNSET
    board_guide: Undocumented = UNSET
    admin_title_fixed: Undocumented = UNSET
    admin_reply_fixed: Undocumented = UNSET
    input_form: Undocumented = UNSET
    page_size: Undocumented = UNSET
    product_page_size: Undocumented = UNSET
    page_display_count: Undocumented = UNSET
    use_comment: Text = UNSET


class AttachedFile(Row):
    """A file that the writer attached."""

    no: Whole = UNSET
    name: Text = UNSET
    url: Text = UNSET


class Article(Row):
    """One article: a review, a question, a notice. Its text is masked by what else it says of its writer."""

    article_no: int
    member_id: Given
    shop_no: Whole = UNSET
    parent_article_no: Whole = UNSET
    board_no: Whole = UNSET
    product_no: Whole = UNSET
    category_no: Whole = UNSET
    board_category_no: Whole = UNSET
    reply_sequence: Whole = UNSET
    reply_depth: Whole = UNSET
    created_date: Text = UNSET
    writer: Text = UNSET
    writer_email: Text = UNSET
    title: Text = UNSET
    content: Text = UNSET
    supplier_id: Text = UNSET
    client_ip: Text = UNSET
    nick_name: Text = UNSET
    rating: Whole = UNSET
    sales_channel: Text = UNSET
    reply_mail: Text = UNSET
    display: Text = UNSET
    secret: Text = UNSET
    notice: Text = UNSET
    fixed: Text = UNSET
    deleted: Text = UNSET
    input_channel: Text = UNSET
    order_id: Text = UNSET
    attach_file_urls: list[AttachedFile] | UnsetType | None = UNSET
    attached_file_detail: list[AttachedFile] | UnsetType | None = UNSET
    attached_file_urls: list[AttachedFile] | UnsetType | None = UNSET
    hit: Whole = UNSET
    reply: Text = UNSET
    reply_user_id: Text = UNSET
    reply_status: Text = UNSET
    naverpay_review_id: Text = UNSET
    display_time: Text = UNSET
    display_time_start_hour: Whole = UNSET
    display_time_end_hour: Whole = UNSET
