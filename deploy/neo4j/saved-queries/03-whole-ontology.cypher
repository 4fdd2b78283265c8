// 온톨로지 전체 (표본) | The whole ontology, sampled
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live
CALL (live) {
  MATCH path = (a:CRM_Mall)-[:HAS_CUSTOMER]->(e:CRM_Customer) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Mall)-[:SELLS]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Customer)-[:PLACED]->(e:CRM_Order) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Order)-[:CONTAINS]->(e:CRM_OrderItem) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_OrderItem)-[:OF_PRODUCT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Product)-[:IN_CATEGORY]->(e:CRM_Category) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Category)-[:CHILD_OF]->(e:CRM_Category) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Customer)-[:IN_GROUP]->(e:CRM_CustomerGroup) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Customer)-[:BOUGHT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Customer)-[:FIRST_BOUGHT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Coupon)-[:ISSUED_TO]->(e:CRM_Customer) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Order)-[:USED_COUPON]->(e:CRM_Coupon) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Customer)-[:WROTE]->(e:CRM_Review) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Review)-[:AFTER_ORDER]->(e:CRM_Order) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_ApiEndpoint)-[:BELONGS_TO]->(e:CRM_ApiResource) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_ApiEndpoint)-[:REQUIRES]->(e:CRM_Scope) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_ApiEndpoint)-[:RETURNS]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_ApiEndpoint)-[:CHANGES]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Concept)-[:EXPLAINED_BY]->(e:CRM_ApiEndpoint) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Concept)-[:BROADER]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Concept)-[:RELATED]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Concept)-[:MEASURED_BY]->(e:CRM_Metric) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Task)-[:CONCERNS]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Task)-[:CALLS]->(e:CRM_ApiEndpoint) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Review)-[:ABOUT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Pattern)-[:ABOUT]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Pattern)-[:ABOUT]->(e:CRM_Metric) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Pattern)-[:ABOUT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Pattern)-[:ABOUT]->(e:CRM_Category) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Pattern)-[:ABOUT]->(e:CRM_CustomerGroup) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Pattern)-[:ABOUT]->(e:CRM_Coupon) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Pattern)-[:ABOUT]->(e:CRM_Segment) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Pattern)-[:FOUND_IN]->(e:CRM_Mall) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
  UNION ALL
  MATCH path = (a:CRM_Insight)-[:EXPLAINS]->(e:CRM_Pattern) WHERE a._scope IN live AND e._scope IN live
  WITH path, a, e LIMIT 500
  RETURN path ORDER BY COUNT { (a)--() } + COUNT { (e)--() } DESC, a.uid, e.uid LIMIT 2
}
RETURN path;
