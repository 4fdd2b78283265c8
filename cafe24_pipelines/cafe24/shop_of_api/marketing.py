"""Coupons, their issues, reviews, and events.

- A coupon's `benefit_value` is its amount or its percentage, whichever its `benefit_type` speaks of (A, C, F, G, I
  amounts; B, D, H rates; E and J waive shipping and have none). Its span is what the API gives, whether a period
  counts from the issue or not; an open end stays open. Deleted coupons stay: their issues name them.
- An issue counts as used when the API says so; `used_date` and `related_order_id` may hold the text "null".
- Reviews are articles of review boards: boards named 후기, 리뷰, 평가 or review, and not 문의 or Q&A; where no board
  landed, board 4, which shops are opened with. Notices, replies (they carry a parent or a depth) and deleted articles
  are no reviews. A rating outside 1 to 5 is none. `review_no` is the article's number on board 4 of shop 1, and
  elsewhere begins with shop and board, for numbers may repeat between boards. HTML becomes plain text.
- Events are what the API can tell of behaviour: carts that hold a product now (`cart`), and a `purchase` for each
  line of an order that was paid, at the time of the order. It has no list of product views.
"""

from typing import Final

from cafe24_pipelines.cafe24.shop_of_api.orders import PURCHASED
from cafe24_pipelines.cafe24.shop_of_api.values import rows_of, struct

_COUPON: Final = struct(
    "shop_no", "coupon_no", "coupon_name", "benefit_type", "benefit_price", "benefit_percentage",
    "available_begin_datetime", "available_end_datetime",
)  # fmt: skip
_ISSUE: Final = struct(
    "shop_no", "issue_no", "coupon_no", "member_key", "issued_date", "used_coupon", "used_date", "related_order_id"
)
_BOARD: Final = struct("shop_no", "board_no", "board_type", "board_name")
_ARTICLE: Final = struct(
    "shop_no", "board_no", "article_no", "parent_article_no", "reply_depth", "product_no", "member_key", "order_id",
    "rating", "content", "created_date", "notice", "deleted",
)  # fmt: skip
_CART: Final = struct("shop_no", "member_key", "product_no", "created_date")

_TAG: Final = "</?[a-zA-Z][^>]*>"
_PLAIN: Final = f"""trim(regexp_replace(replace(regexp_replace(regexp_replace(regexp_replace(content,
    '(?is)<(?:script|style)[^>]*>.*?</(?:script|style)>|<!--.*?-->', ' ', 'g'),
    '(?i)<(?:br|/p|/div|/li|/h[1-6]|/tr)[^>]*>', ' ', 'g'), '{_TAG}', '', 'g'),
    '&nbsp;', ' '), '\\s+', ' ', 'g'))"""
"""Text of an article without its tags; a bare "<" stays, since people write "가격<품질"."""

PREPARED: Final = {
    "a_coupons": f"""
        SELECT filled(r.coupon_no) AS coupon_no, filled(r.coupon_name) AS coupon_name,
               upper(filled(r.benefit_type)) AS benefit_type,
               CASE WHEN upper(r.benefit_type) IN ('B', 'D', 'H') THEN money(r.benefit_percentage)
                    WHEN upper(r.benefit_type) IN ('E', 'J') THEN NULL
                    ELSE money(r.benefit_price) END AS benefit_value,
               instant(r.available_begin_datetime) AS available_from,
               instant(r.available_end_datetime) AS available_to, key
        FROM {rows_of("coupons", _COUPON)}
        QUALIFY row_number() OVER (PARTITION BY r.coupon_no ORDER BY whole(r.shop_no), key) = 1""",
    "a_issues": f"""
        SELECT filled(r.issue_no) AS issue_no, filled(r.coupon_no) AS coupon_no, filled(r.member_key) AS member_key,
               instant(r.issued_date) AS issued_at,
               CASE WHEN coalesce(flag(r.used_coupon), true) THEN instant(r.used_date) END AS used_at,
               CASE WHEN coalesce(flag(r.used_coupon), true) THEN filled(r.related_order_id) END AS used_order_id, key
        FROM {rows_of("coupon_issues", _ISSUE)}
        QUALIFY row_number() OVER (PARTITION BY r.issue_no ORDER BY whole(r.shop_no), key) = 1""",
    "a_review_boards": f"""
        WITH known AS (SELECT coalesce(r.shop_no, '1') AS shop_no, r.board_no, lower(coalesce(r.board_name, ''))
                           AS name FROM {rows_of("boards", _BOARD)})
        SELECT shop_no, board_no FROM known
        WHERE regexp_matches(name, '후기|리뷰|평가|review') AND NOT regexp_matches(name, '문의|q ?& ?a|qna')
        UNION SELECT '1', '4' WHERE NOT EXISTS (SELECT 1 FROM known)""",
    "a_articles": f"""
        SELECT CASE WHEN a.shop_no = '1' AND a.board_no = '4' THEN a.article_no
                    ELSE concat_ws('-', a.shop_no, a.board_no, a.article_no) END AS review_no,
               a.* EXCLUDE (shop_no, board_no)
        FROM (
            SELECT coalesce(r.shop_no, '1') AS shop_no, r.board_no, filled(r.article_no) AS article_no,
                   CASE WHEN whole(r.product_no) > 0 THEN filled(r.product_no) END AS product_no,
                   filled(r.member_key) AS member_key, filled(r.order_id) AS order_id,
                   CASE WHEN whole(r.rating) BETWEEN 1 AND 5 THEN whole(r.rating) END AS rating,
                   r.content, instant(r.created_date) AS created_at, key
            FROM {rows_of("articles", _ARTICLE)}
            WHERE NOT coalesce(flag(r.notice), false) AND NOT coalesce(flag(r.deleted), false)
              AND coalesce(whole(r.reply_depth), 0) = 0
              AND (coalesce(whole(r.parent_article_no), 0) = 0 OR r.parent_article_no = r.article_no)
        ) a SEMI JOIN a_review_boards b ON a.shop_no = b.shop_no AND a.board_no = b.board_no""",
    "a_carts": f"""
        SELECT key, filled(r.member_key) AS member_key, filled(r.product_no) AS product_no,
               instant(r.created_date) AS at_time
        FROM {rows_of("carts", _CART)}""",
}

_COUPON_FAULT: Final = """CASE WHEN coupon_no IS NULL THEN 'coupon_no is missing'
    WHEN coupon_name IS NULL THEN 'coupon_name is missing' END"""
_ISSUE_FAULT: Final = """CASE WHEN issue_no IS NULL THEN 'issue_no is missing'
    WHEN coupon_no IS NULL THEN 'coupon_no is missing' WHEN member_key IS NULL THEN 'member_id is missing'
    WHEN issued_at IS NULL THEN 'issued_date is missing or not a date' END"""
_ARTICLE_FAULT: Final = """CASE WHEN article_no IS NULL THEN 'article_no is missing'
    WHEN product_no IS NULL THEN 'the review is of no product'
    WHEN created_at IS NULL THEN 'created_date is missing or not a date' END"""
_CART_FAULT: Final = "CASE WHEN at_time IS NULL THEN 'created_date is missing or not a date' END"

TABLES: Final = {
    "coupons": f"SELECT * EXCLUDE (key) FROM a_coupons WHERE {_COUPON_FAULT} IS NULL",
    "coupon_issues": f"SELECT * EXCLUDE (key) FROM a_issues WHERE {_ISSUE_FAULT} IS NULL",
    "reviews": f"""
        SELECT review_no, product_no, member_key, order_id, rating, {_PLAIN} AS content, created_at
        FROM a_articles WHERE {_ARTICLE_FAULT} IS NULL""",
    "events": f"""
        WITH {PURCHASED}
        SELECT 'cart-' || md5(key) AS event_id, member_key, 'cart' AS event, product_no, at_time AS "at"
        FROM a_carts WHERE {_CART_FAULT} IS NULL
        UNION ALL
        SELECT 'purchase-' || l.order_id || '-' || l.line_no, o.member_key, 'purchase', l.product_no, l.ordered_at
        FROM paid_line l JOIN a_order_rows o USING (order_id)""",
}

UNUSABLE: Final = {
    "coupons": f"""
        SELECT coalesce(coupon_no, key) AS key, {_COUPON_FAULT} AS reason, 'coupon_name' AS field, NULL AS amount
        FROM a_coupons""",
    "coupon_issues": f"""
        SELECT coalesce(issue_no, '') AS key, {_ISSUE_FAULT} AS reason,
               CASE WHEN member_key IS NULL THEN 'member_id' ELSE 'issued_date' END AS field, NULL AS amount
        FROM a_issues""",
    "reviews": f"""
        SELECT coalesce(review_no, '') AS key, {_ARTICLE_FAULT} AS reason,
               CASE WHEN product_no IS NULL THEN 'product_no' ELSE 'created_date' END AS field, NULL AS amount
        FROM a_articles""",
    "events": f"""
        SELECT 'cart-' || md5(key) AS key, {_CART_FAULT} AS reason, 'created_date' AS field, NULL AS amount
        FROM a_carts""",
}
