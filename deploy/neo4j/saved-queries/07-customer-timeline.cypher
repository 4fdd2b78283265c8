// 회원 한 명의 여정 (시간순) | One customer's journey, in order of time
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live, '' AS member_key
MATCH (c:CRM_Customer) WHERE c._scope IN live AND (member_key = '' OR c.member_key = member_key)
WITH live, c ORDER BY c.sales DESC, c.member_key LIMIT 1
MATCH (c)<-[:HAS_CUSTOMER]-(m:CRM_Mall)
CALL (c) {
  RETURN c.created_at AS at, '가입' AS event, c.region AS detail, null AS amount
  UNION ALL
  MATCH (c)-[:PLACED]->(o:CRM_Order)
  OPTIONAL MATCH (o)-[:CONTAINS]->(i:CRM_OrderItem)-[:OF_PRODUCT]->(p:CRM_Product)
  WITH o, p, i ORDER BY i.line_no
  RETURN o.ordered_at AS at, '주문 (' + o.status + ')' AS event, reduce(t = '', x IN collect(p.name) |
         t + CASE t WHEN '' THEN '' ELSE ', ' END + x) AS detail, o.paid_amount AS amount
  UNION ALL
  MATCH (c)-[:PLACED]->(o:CRM_Order) WHERE o.delivered_at IS NOT NULL
  RETURN o.delivered_at AS at, '배송 완료' AS event, o.order_id AS detail, null AS amount
  UNION ALL
  MATCH (c)<-[i:ISSUED_TO]-(k:CRM_Coupon)
  RETURN i.first_issued_at AS at, '쿠폰 발급' AS event, k.name AS detail, null AS amount
  UNION ALL
  MATCH (c)-[:WROTE]->(r:CRM_Review)
  OPTIONAL MATCH (r)-[:ABOUT]->(p:CRM_Product)
  RETURN r.created_at AS at, '리뷰 ' + r.rating + '점' AS event, p.name AS detail, null AS amount
}
WITH m, at, event, detail, amount WHERE at IS NOT NULL
RETURN datetime({datetime: at, timezone: m.time_zone}) AS at_local, event, detail, amount
ORDER BY at_local, event, detail;
