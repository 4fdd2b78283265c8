"""Recommendation methods and the protocol that judges them; `crm/recommendations.py` puts them to use."""
