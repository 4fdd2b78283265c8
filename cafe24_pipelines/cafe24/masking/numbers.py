"""Numbers of people: papers, cards, phones, accounts, in the order in which one might be taken for another.

Order numbers, dates and links are set aside first. Does not belong here: numbers in words (`spoken.py`).
"""

from cafe24_pipelines.cafe24.masking.accounts import accounts, cards, long_accounts
from cafe24_pipelines.cafe24.masking.digits import ASIDE, FEWEST, set_aside, together
from cafe24_pipelines.cafe24.masking.folding import Found
from cafe24_pipelines.cafe24.masking.papers import papers
from cafe24_pipelines.cafe24.masking.phones import phones


def numbers(text: str, digits: int) -> list[Found]:
    """Numbers of people in a folded text."""
    if digits < FEWEST:
        return []
    text = set_aside(text)
    most = together(text)
    if not most:
        return []
    found: list[Found] = []
    for rule in (papers, long_accounts, cards, phones, accounts):
        for start, end, placeholder in list(rule(text, most)):
            if ASIDE not in text[start:end]:
                found.append((start, end, placeholder))
                text = text[:start] + ASIDE * (end - start) + text[end:]
    return found
