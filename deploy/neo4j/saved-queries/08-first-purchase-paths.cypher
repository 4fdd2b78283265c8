// 첫 구매에서 두 번째 구매로 | From the first purchase to the second
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live
MATCH (c:CRM_Customer)-[:PLACED]->(:CRM_Order {sale_no: 1})-[:CONTAINS]->(:CRM_OrderItem {is_sale: true})
      -[:OF_PRODUCT]->(:CRM_Product)-[:IN_CATEGORY]->(a:CRM_Category)
WHERE c._scope IN live
WITH a, collect(DISTINCT c) AS buyers
UNWIND buyers AS c
OPTIONAL MATCH (c)-[:PLACED]->(:CRM_Order {sale_no: 2})-[:CONTAINS]->(:CRM_OrderItem {is_sale: true})
      -[:OF_PRODUCT]->(:CRM_Product)-[:IN_CATEGORY]->(z:CRM_Category)
WITH a, size(buyers) AS first_buyers, coalesce(z.name, '(아직 없음)') AS next_category, count(DISTINCT c) AS members
RETURN a.name AS first_category, first_buyers, next_category, members,
       round(100.0 * members / first_buyers, 1) AS percent
ORDER BY first_buyers DESC, first_category, members DESC, next_category LIMIT 200;
