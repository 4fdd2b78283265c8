// 개념 뒤의 API | The API behind a concept
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live, '쿠폰' AS name
MATCH (c:CRM_Concept)
WHERE c._scope IN live AND (c.concept = name OR c.ko = name OR name IN split(c.synonyms, ', '))
CALL (live, c) {
  MATCH path = (c)<-[:RETURNS|CHANGES]-(:CRM_ApiEndpoint)
  RETURN path
  UNION
  MATCH (c)<-[:RETURNS|CHANGES]-(e:CRM_ApiEndpoint)
  MATCH path = (e)-[:REQUIRES]->(:CRM_Scope)
  RETURN path
  UNION
  MATCH path = (c)-[:EXPLAINED_BY]->(:CRM_ApiEndpoint)
  RETURN path
  UNION
  MATCH path = (c)-[:MEASURED_BY]->(:CRM_Metric)
  RETURN path
  UNION
  MATCH path = (c)<-[:ABOUT]-(p:CRM_Pattern) WHERE p._scope IN live
  RETURN path
}
RETURN path;
