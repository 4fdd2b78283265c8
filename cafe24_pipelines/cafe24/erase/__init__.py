"""Erasing a member: nothing of the person stays in an installation, and no later landing brings the link back.

What is kept is the sale: bookkeeping law (Korea: 전자상거래법 제6조 keeps records of contracts and payments for five
years) asks for what was sold, when and for how much, not for whose it was. So orders, their lines, refunds
and purchase events stay as a guest's; everything else of the member goes.

Does not belong here: erasing in the shop itself (that is Cafe24's).
"""

from cafe24_pipelines.cafe24.erase.member import ErasureReport, erase_member, resume_erasures
from cafe24_pipelines.cafe24.erase.registry import ErasedMembers, erased_members
from cafe24_pipelines.cafe24.erase.trace import Trace, trace_of

__all__ = [
    "ErasedMembers",
    "ErasureReport",
    "Trace",
    "erase_member",
    "erased_members",
    "resume_erasures",
    "trace_of",
]
