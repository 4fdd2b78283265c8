// 패턴과 이웃 | Patterns with their neighbours
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live, '' AS words
MATCH (p:CRM_Pattern) WHERE p._scope IN live AND p.title CONTAINS words
WITH live, p
ORDER BY CASE p.status WHEN 'confirmed' THEN 0 WHEN 'tentative' THEN 1 ELSE 2 END, p.q, p.pattern_id LIMIT 2
CALL (live, p) {
  MATCH path = (p)-[:ABOUT|FOUND_IN]->(thing) WHERE thing._scope IN live
  RETURN path
  UNION
  MATCH path = (p)<-[:EXPLAINS]-(insight:CRM_Insight) WHERE insight._scope IN live
  RETURN path
  UNION
  MATCH (p)-[:ABOUT]->(concept:CRM_Concept) WHERE concept._scope IN live
  CALL (concept) {
    MATCH path = (concept)<-[:RETURNS]-(endpoint:CRM_ApiEndpoint)
    RETURN path ORDER BY endpoint.endpoint LIMIT 3
  }
  RETURN path
}
RETURN path;
