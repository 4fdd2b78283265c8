// 빌드 상태 | Builds
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
CALL (b) {
  MATCH (n:CRM_Mall) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Customer) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_CustomerGroup) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Segment) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Order) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_OrderItem) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Product) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Category) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Coupon) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Review) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Pattern) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Insight) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_ApiResource) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_ApiEndpoint) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Scope) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Concept) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Metric) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
  UNION ALL
  MATCH (n:CRM_Task) WHERE n.mall_id = b.mall_id RETURN n._scope AS scope, count(n) AS part
}
WITH b, scope, sum(part) AS nodes
RETURN CASE WHEN scope IN [b.facts_scope, b.findings_scope] THEN '게시됨'
            WHEN scope = b.staged_scope THEN '준비됨 (아직 게시 전)'
            ELSE '곁의 사본 (다음 적재가 고쳐 씀)' END AS state,
       scope, nodes, b.build_id AS published_build, b.staged_id AS staged_build
ORDER BY scope;
