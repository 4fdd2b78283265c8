// 건강 한눈에 보기 | Health at a glance
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live
CALL (live) {
  MATCH (n:CRM_Customer) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'HAS_CUSTOMER' AS relationship, 'CRM_Customer' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)<-[:HAS_CUSTOMER]-(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Product) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'SELLS' AS relationship, 'CRM_Product' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)<-[:SELLS]-(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_OrderItem) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'CONTAINS' AS relationship, 'CRM_OrderItem' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)<-[:CONTAINS]-(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_OrderItem) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'OF_PRODUCT' AS relationship, 'CRM_OrderItem' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)-[:OF_PRODUCT]->(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_ApiEndpoint) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'BELONGS_TO' AS relationship, 'CRM_ApiEndpoint' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)-[:BELONGS_TO]->(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Task) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'CONCERNS' AS relationship, 'CRM_Task' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)-[:CONCERNS]->(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Review) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'ABOUT' AS relationship, 'CRM_Review' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)-[:ABOUT]->(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Pattern) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'ABOUT' AS relationship, 'CRM_Pattern' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)-[:ABOUT]->(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Pattern) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'FOUND_IN' AS relationship, 'CRM_Pattern' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)-[:FOUND_IN]->(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Insight) WHERE n._scope IN live
  RETURN '필수 관계가 없음' AS rule, 'EXPLAINS' AS relationship, 'CRM_Insight' AS label,
         sum(CASE WHEN NOT EXISTS { MATCH (n)-[:EXPLAINS]->(o) WHERE o._scope IN live } THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Customer) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'HAS_CUSTOMER' AS relationship, 'CRM_Customer' AS label,
         sum(CASE WHEN COUNT { MATCH (n)<-[:HAS_CUSTOMER]-(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Product) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'SELLS' AS relationship, 'CRM_Product' AS label,
         sum(CASE WHEN COUNT { MATCH (n)<-[:SELLS]-(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Order) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'PLACED' AS relationship, 'CRM_Order' AS label,
         sum(CASE WHEN COUNT { MATCH (n)<-[:PLACED]-(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_OrderItem) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'CONTAINS' AS relationship, 'CRM_OrderItem' AS label,
         sum(CASE WHEN COUNT { MATCH (n)<-[:CONTAINS]-(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_OrderItem) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'OF_PRODUCT' AS relationship, 'CRM_OrderItem' AS label,
         sum(CASE WHEN COUNT { MATCH (n)-[:OF_PRODUCT]->(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Product) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'IN_CATEGORY' AS relationship, 'CRM_Product' AS label,
         sum(CASE WHEN COUNT { MATCH (n)-[:IN_CATEGORY]->(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Category) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'CHILD_OF' AS relationship, 'CRM_Category' AS label,
         sum(CASE WHEN COUNT { MATCH (n)-[:CHILD_OF]->(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Customer) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'IN_GROUP' AS relationship, 'CRM_Customer' AS label,
         sum(CASE WHEN COUNT { MATCH (n)-[:IN_GROUP]->(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Review) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'WROTE' AS relationship, 'CRM_Review' AS label,
         sum(CASE WHEN COUNT { MATCH (n)<-[:WROTE]-(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Review) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'AFTER_ORDER' AS relationship, 'CRM_Review' AS label,
         sum(CASE WHEN COUNT { MATCH (n)-[:AFTER_ORDER]->(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_ApiEndpoint) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'BELONGS_TO' AS relationship, 'CRM_ApiEndpoint' AS label,
         sum(CASE WHEN COUNT { MATCH (n)-[:BELONGS_TO]->(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Concept) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'BROADER' AS relationship, 'CRM_Concept' AS label,
         sum(CASE WHEN COUNT { MATCH (n)-[:BROADER]->(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Pattern) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'FOUND_IN' AS relationship, 'CRM_Pattern' AS label,
         sum(CASE WHEN COUNT { MATCH (n)-[:FOUND_IN]->(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
  UNION ALL
  MATCH (n:CRM_Insight) WHERE n._scope IN live
  RETURN '하나여야 할 관계가 여럿' AS rule, 'EXPLAINS' AS relationship, 'CRM_Insight' AS label,
         sum(CASE WHEN COUNT { MATCH (n)-[:EXPLAINS]->(o) WHERE o._scope IN live } > 1 THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes
}
RETURN rule, relationship, label, wrong, nodes,
       CASE WHEN wrong = 0 THEN '정상' ELSE '확인 필요' END AS verdict
ORDER BY wrong DESC, rule, relationship, label;
