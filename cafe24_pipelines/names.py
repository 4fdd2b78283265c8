"""Names that more than one room must spell alike. A leaf: imports nothing of the project.

Does not belong here: anything that computes.
"""

from typing import Final

SEOUL: Final = "Asia/Seoul"
SANDBOX_MALL: Final = "sandbox"

# Asset groups, one a stage, in the order data flows.
ADMIN_API: Final = "admin_api"
SHOP: Final = "shop"
DOCUMENTS: Final = "documents"
KNOWLEDGE: Final = "knowledge"
ONTOLOGY: Final = "ontology"
ANALYTICS: Final = "analytics"
PATTERNS: Final = "patterns"
ANSWERS: Final = "answers"
FINETUNE: Final = "finetune"
EXPERIMENTS: Final = "experiments"
RESEARCH: Final = "research"
REPORTS: Final = "reports"
OPERATIONS: Final = "operations"
LEARNING: Final = "learning"
WATCH: Final = "watch"

# What is compared: the same question and model, with more and more material; the last has a model of its own.
ARMS: Final = ("baseline", "rag", "ontology", "finetuned")

# Owners are teams; a deployment maps them to people in its alert routes.
DATA_TEAM: Final = "team:data"
CRM_TEAM: Final = "team:crm"
ML_TEAM: Final = "team:ml"

OPERATIONS_MALL: Final = "_operations"
"""The reserved mall of events that are about the installation: a registered id never begins with "_"."""

RESERVED_MALLS: Final = frozenset({"encoders", "sealing", *ARMS})
"""Ids that no mall gets: what all share is called so (`vectors/encoders`, `keys/sealing.key`, arms in partitions) and
would go with a mall of that name.
"""

# Pools: one for each shared service, so that a deployment can cap the load on it.
GRAPH_POOL: Final = "graph"
VECTOR_POOL: Final = "vectors"
LLM_POOL: Final = "llm"

CAFE24_POOL: Final = "cafe24"

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

API_RESOURCES: Final = {
    "shops": "Shops of a multi-shop mall, with their language and currency.",
    "customer_groups": "Member tiers and what they are given.",
    "customers_privacy": "Every member, where the privacy scope is granted; personal fields left at the line.",
    "categories": "The category tree.",
    "products": "Products with their variants and stock.",
    "category_products": "Which product stands in which category.",
    "coupons": "Coupon definitions.",
    "coupon_issues": "Coupons issued to members, used or not.",
    "orders": "Orders with items, claims and amounts, as the API shows them.",
    "refunds": "Refunds by their code.",
    "customers": "Members looked up by id, where the privacy scope is missing.",
    "carts": "Products lying in members' carts, read product by product.",
    "wish_lists": "Products that members keep, read member by member.",
    "boards": "Boards of the shop.",
    "articles": "Articles of all boards; reviews are among them.",
    "points": "Mileage given and spent.",
    "credits": "Deposits given and spent.",
    "hourly_sales": "Sales an hour, for approved apps.",
    "product_sales": "Sales a product and hour, for approved apps.",
    "sales_volume": "Pieces sold a variant and hour, read product by product.",
    "visitors_view": "Visits a day, from the Analytics API.",
    "visitors_pageview": "Page views an hour, from the Analytics API.",
    "visitors_unique": "Unique visitors a day, from the Analytics API.",
    "visitors_dailyactive": "Users a day, from the Analytics API.",
    "carts_action": "Views and cart additions a product and day, from the Analytics API.",
    "products_view": "Views a product and day, from the Analytics API.",
    "products_sales": "Sales a product and day, from the Analytics API.",
    "products_categorydetails": "Sales a product, category and day, from the Analytics API.",
    "sales_orderdetails": "What each order came from, from the Analytics API.",
    "sales_paymethods": "Sales a means of payment and day, from the Analytics API.",
    "sales_pervisitors": "Sales a visitor and a buyer, by day, from the Analytics API.",
    "sales_times": "Sales an hour of each day, from the Analytics API.",
    "members_sales": "Sales to members and to guests a day, from the Analytics API.",
    "adeffect_addetails": "Visits and sales an advertisement, search word and day, from the Analytics API.",
    "visitpaths_ads": "Visits an advertisement and day, from the Analytics API.",
    "visitpaths_adsales": "Sales an advertisement and day, from the Analytics API.",
    "visitpaths_adkeywordsales": "Sales an advertisement, search word and day, from the Analytics API.",
    "visitpaths_domains": "Visits a referring domain and day, from the Analytics API.",
    "visitpaths_domainsales": "Sales a referring domain and day, from the Analytics API.",
    "visitpaths_keywords": "Visits a search word and day, from the Analytics API.",
    "visitpaths_keywordsales": "Sales a search word and day, from the Analytics API.",
    "visitpaths_keyworddetails": "Visits and sales a search word, engine and day, from the Analytics API.",
}
"""What a sync reads from a mall's API, in landing order, and what each holds (`cafe24/admin_api/resources.py`)."""
