// 함께 산 상품 | Bought together
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live, '' AS product_no
MATCH (p:CRM_Product) WHERE p._scope IN live AND (product_no = '' OR p.product_no = product_no)
WITH live, p ORDER BY COUNT { (p)<-[:BOUGHT]-() } DESC, p.product_no LIMIT 1
CALL (live) {
  MATCH (o:CRM_Order) WHERE o._scope IN live AND EXISTS { (o)-[:CONTAINS]->(:CRM_OrderItem {is_sale: true}) }
  RETURN count(o) AS baskets
}
MATCH (p)<-[:OF_PRODUCT]-(:CRM_OrderItem {is_sale: true})<-[:CONTAINS]-(o:CRM_Order)
WITH p, baskets, collect(DISTINCT o) AS with_p
UNWIND with_p AS o
MATCH (o)-[:CONTAINS]->(:CRM_OrderItem {is_sale: true})-[:OF_PRODUCT]->(q:CRM_Product) WHERE q <> p
WITH p, baskets, size(with_p) AS with_p, q, count(DISTINCT o) AS together
ORDER BY together DESC, q.product_no LIMIT 20
CALL (q) {
  MATCH (q)<-[:OF_PRODUCT]-(:CRM_OrderItem {is_sale: true})<-[:CONTAINS]-(o:CRM_Order)
  RETURN count(DISTINCT o) AS with_q
}
RETURN p.name AS product, q.product_no AS product_no, q.name AS together_with, together, with_p, with_q,
       round(1.0 * together * baskets / (with_p * with_q), 2) AS lift
ORDER BY together DESC, product_no;
