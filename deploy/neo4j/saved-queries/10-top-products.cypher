// 많이 산 상품 | Top products
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live
MATCH (c:CRM_Customer)-[b:BOUGHT]->(p:CRM_Product) WHERE c._scope IN live
RETURN p.product_no AS product_no, p.name AS product, p.category AS category, count(c) AS members,
       sum(b.orders) AS orders, sum(b.quantity) AS quantity, sum(b.amount) AS amount
ORDER BY members DESC, product_no LIMIT 20;
