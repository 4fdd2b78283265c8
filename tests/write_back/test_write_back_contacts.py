"""A mall that opted in to the contact table: its members are known without a walk and without the privacy scope."""

from decimal import Decimal

import pandas as pd
import pytest

from cafe24_pipelines.cafe24.admin_api.errors import ScopeMissing
from cafe24_pipelines.cafe24.contacts import ContactTable
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.cafe24.write_back.commands import write_back_group
from cafe24_pipelines.crm.analysis import Outcome
from cafe24_pipelines.crm.tables import CrmTables


def test_members_of_the_contact_table_are_found_without_a_walk(shop) -> None:
    shop.client([s for s in shop.server.config.scopes if s != "mall.read_privacy"]).close()
    members = shop.members(5)
    rfm = {"recency_days": 1, "frequency": 1, "r": 1, "f": 1, "m": 1, "segment": "휴면", "action": ""}
    frame = pd.DataFrame({"member_key": [m.key for m in members], "monetary": [Decimal("1.0000")] * 5}).assign(**rfm)
    CrmTables(shop.settings.home.analytics).publish("sandbox", "rfm", Outcome(frame, {}))
    contacts = ContactTable(shop.settings, "sandbox")
    contacts.put_many({m.key: {"member_id": m.member_id, "email": "x@example.com"} for m in members})

    def plan():
        return write_back_group(shop.settings, "sandbox", segment="휴면", to=2, clock=shop.clock).plan

    with pytest.raises(ScopeMissing):
        plan()  # the table is there, but the mall did not opt in
    register(shop.settings.home, Mall("sandbox", "api", keep_contacts=True))
    assert {m.member_id for m in plan().members} == {m.member_id for m in members}
    contacts.forget(members[0].key)
    with pytest.raises(ScopeMissing):
        plan()
