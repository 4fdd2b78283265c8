"""Where data lives: the lake and the event log (truth), graph and vector back ends (projections).

Back ends hide behind small protocols; no CRM or shop rule belongs here.
"""
