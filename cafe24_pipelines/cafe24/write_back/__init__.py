"""Write-back to the mall: members moved into a tier, coupons issued to them; a dry run unless told otherwise.

`plan` says exactly what would be sent, `members` whom it concerns, `sending` sends it once and audits it, `check`
reads back what happened, `report` and `words` tell it, `commands` is what the command line calls.
Does not belong here: who should get what (see `crm/`), or HTTP (see `admin_api/`).
"""
