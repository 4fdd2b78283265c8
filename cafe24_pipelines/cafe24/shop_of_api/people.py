"""Members and their tiers.

A member's fields come from the member list (`customers_privacy`) where its scope was granted, and from look-ups by id
(`customers`) where not. A member of whom neither tells is no row here: the lake's view `known_customers` knows such
members from their orders, and says that they did not land. `region` is what the privacy line let pass of the address.
"""

from typing import Final

from cafe24_pipelines.cafe24.shop_of_api.values import rows_of, struct

_MEMBER: Final = struct(
    "shop_no", "member_key", "group_no", "created_date", "last_login_date", "gender", "region", "sms", "news_mail"
)
_GROUP: Final = struct("shop_no", "group_no", "group_name")


def _members(resource: str, rank: int) -> str:
    return f"SELECT r.*, key, {rank} AS rank FROM {rows_of(resource, _MEMBER)}"


def _best(value: str) -> str:
    """The value of the better source that has one."""
    return f"arg_min({value}, (rank, coalesce(whole(shop_no), 0), key)) FILTER ({value} IS NOT NULL)"


PREPARED: Final = {
    "a_members": f"""
        SELECT filled(member_key) AS member_key, min(key) AS key, {_best("instant(created_date)")} AS created_at,
               {_best("filled(group_no)")} AS group_no, {_best("upper(filled(gender))")} AS gender,
               {_best("filled(region)")} AS region, {_best("flag(sms)")} AS accepts_sms,
               {_best("flag(news_mail)")} AS accepts_email, {_best("instant(last_login_date)")} AS last_login_at
        FROM ({_members("customers_privacy", 1)} UNION ALL BY NAME {_members("customers", 2)})
        GROUP BY coalesce(filled(member_key), key), filled(member_key)""",
    "a_groups": f"""
        SELECT filled(r.group_no) AS group_no, filled(r.group_name) AS group_name, key
        FROM {rows_of("customer_groups", _GROUP)}
        QUALIFY row_number() OVER (PARTITION BY r.group_no ORDER BY whole(r.shop_no), key) = 1""",
}

TABLES: Final = {
    "customers": """
        SELECT member_key, created_at, group_no, CASE WHEN gender IN ('F', 'M') THEN gender END AS gender, region,
               accepts_sms, accepts_email, last_login_at
        FROM a_members WHERE member_key IS NOT NULL""",
    "customer_groups": """
        SELECT group_no, group_name FROM a_groups WHERE group_no IS NOT NULL AND group_name IS NOT NULL""",
}

UNUSABLE: Final = {
    "customers": """
        SELECT '' AS key, CASE WHEN member_key IS NULL THEN 'member_id is missing' END AS reason,
               'member_id' AS field, NULL AS amount
        FROM a_members""",
    "customer_groups": """
        SELECT coalesce(group_no, key) AS key,
               CASE WHEN group_no IS NULL THEN 'group_no is missing'
                    WHEN group_name IS NULL THEN 'group_name is missing' END AS reason,
               CASE WHEN group_no IS NULL THEN 'group_no' ELSE 'group_name' END AS field, NULL AS amount
        FROM a_groups""",
}
