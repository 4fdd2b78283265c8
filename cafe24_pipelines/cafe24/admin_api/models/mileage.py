"""Points and credits that members were given or spent."""

from msgspec import UNSET

from cafe24_pipelines.cafe24.admin_api.models.types import Given, Money, Row, Text, Whole


class Point(Row):
    """One movement of points; `case` says why, and `reason` in words, in which its member is masked."""

    member_id: Given
    shop_no: Whole = UNSET
    case: Text = UNSET
    email: Text = UNSET
    group_name: Text = UNSET
    available_points_increase: Money = UNSET
    available_points_decrease: Money = UNSET
    available_points_total: Money = UNSET
    unavailable_points: Money = UNSET
    order_date: Text = UNSET
    issue_date: Text = UNSET
    available_date: Text = UNSET
    admin_id: Text = UNSET
    admin_name: Text = UNSET
    order_id: Text = UNSET
    reason: Text = UNSET


class Credit(Row):
    """One movement of credits; `case` says why, and `reason` in words, in which its member is masked."""

    member_id: Given
    shop_no: Whole = UNSET
    issue_date: Text = UNSET
    group_name: Text = UNSET
    increase_amount: Money = UNSET
    decrease_amount: Money = UNSET
    balance: Money = UNSET
    admin_id: Text = UNSET
    admin_name: Text = UNSET
    reason: Text = UNSET
    case: Text = UNSET
    order_id: Text = UNSET
