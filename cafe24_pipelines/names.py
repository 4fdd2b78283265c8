"""Names that more than one room must spell alike. A leaf: imports nothing of the project.

Does not belong here: anything that computes.
"""

from typing import Final

SEOUL: Final = "Asia/Seoul"
SANDBOX_MALL: Final = "sandbox"

# Asset groups, one a stage, in the order data flows.
SHOP: Final = "shop"
DOCUMENTS: Final = "documents"
KNOWLEDGE: Final = "knowledge"
ONTOLOGY: Final = "ontology"
ANALYTICS: Final = "analytics"
PATTERNS: Final = "patterns"
ANSWERS: Final = "answers"
FINETUNE: Final = "finetune"

# Owners are teams; a deployment maps them to people in its alert routes.
DATA_TEAM: Final = "team:data"
CRM_TEAM: Final = "team:crm"
ML_TEAM: Final = "team:ml"

# Pools: one for each shared service, so that a deployment can cap the load on it.
GRAPH_POOL: Final = "graph"
VECTOR_POOL: Final = "vectors"
LLM_POOL: Final = "llm"

# Vector collections keep the prototype's names, so that its clients keep working.
API_DOCS: Final = "cafe24_api_docs"
CRM_KNOWLEDGE: Final = "cafe24_crm_knowledge"
INSIGHTS: Final = "cafe24_insights"
COLLECTIONS: Final = (API_DOCS, CRM_KNOWLEDGE, INSIGHTS)

SHOP_TABLES: Final = {
    "customers": "Members, without personal fields.",
    "customer_groups": "Member tiers.",
    "categories": "Category tree.",
    "products": "Products as the shop sells them now.",
    "orders": "Orders; cancellations and returns are kept as such.",
    "order_items": "Lines of orders; `amount` is quantity x unit_price, exactly.",
    "coupons": "Coupon definitions.",
    "coupon_issues": "Coupons issued to members and whether they were used.",
    "reviews": "Product reviews; text is data, personal patterns masked.",
    "events": "Behaviour: product views, carts, purchases.",
}
"""Resources that come from a shop, in landing order, and what each holds (columns: `stores/schemas.py`)."""
