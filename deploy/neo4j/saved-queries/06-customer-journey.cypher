// 회원 한 명의 여정 (그래프) | One customer's journey, as a graph
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live, '' AS member_key
MATCH (c:CRM_Customer) WHERE c._scope IN live AND (member_key = '' OR c.member_key = member_key)
WITH live, c ORDER BY c.sales DESC, c.member_key LIMIT 1
CALL (c) {
  MATCH (c)-[:PLACED]->(o:CRM_Order)
  WITH o ORDER BY o.ordered_at DESC LIMIT 8
  RETURN collect(o) AS recent
}
CALL (c, recent) {
  MATCH path = (c)-[:PLACED]->(o:CRM_Order) WHERE o IN recent
  RETURN path
  UNION
  UNWIND recent AS o
  MATCH path = (o)-[:CONTAINS]->(:CRM_OrderItem)-[:OF_PRODUCT]->(:CRM_Product)
  RETURN path
  UNION
  UNWIND recent AS o
  MATCH path = (o)-[:USED_COUPON]->(:CRM_Coupon)
  RETURN path
  UNION
  MATCH path = (c)-[:WROTE]->(r:CRM_Review)-[:AFTER_ORDER]->(o:CRM_Order) WHERE o IN recent
  RETURN path
  UNION
  MATCH (c)-[:WROTE]->(r:CRM_Review)-[:AFTER_ORDER]->(o:CRM_Order) WHERE o IN recent
  MATCH path = (r)-[:ABOUT]->(:CRM_Product)
  RETURN path
  UNION
  MATCH path = (c)<-[:ISSUED_TO]-(:CRM_Coupon)
  RETURN path
  UNION
  MATCH path = (c)-[:IN_GROUP]->(:CRM_CustomerGroup)
  RETURN path
}
RETURN path;
