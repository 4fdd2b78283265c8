// 고립된 노드 | Orphans
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live
CALL (live) {
  MATCH (n:CRM_Mall) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Mall' AS label, '쇼핑몰' AS name, true AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Customer) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Customer' AS label, '고객' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_CustomerGroup) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_CustomerGroup' AS label, '회원등급' AS name, true AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Segment) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Segment' AS label, '세그먼트' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Order) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Order' AS label, '주문' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_OrderItem) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_OrderItem' AS label, '주문상품' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Product) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Product' AS label, '상품' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Category) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Category' AS label, '카테고리' AS name, true AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Coupon) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Coupon' AS label, '쿠폰' AS name, true AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Review) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Review' AS label, '리뷰' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Pattern) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Pattern' AS label, '패턴' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Insight) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Insight' AS label, '인사이트' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_ApiResource) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_ApiResource' AS label, 'API 리소스' AS name, true AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_ApiEndpoint) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_ApiEndpoint' AS label, 'API 엔드포인트' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Scope) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Scope' AS label, 'API 권한' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Concept) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Concept' AS label, '개념' AS name, true AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Metric) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Metric' AS label, '지표' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
  UNION ALL
  MATCH (n:CRM_Task) WHERE n._scope IN live
    AND NOT EXISTS { MATCH (n)--(o) WHERE o._scope IN live }
  WITH n ORDER BY n.uid
  RETURN 'CRM_Task' AS label, '할 일' AS name, false AS allowed, count(n) AS orphans, collect(n)[..5] AS examples
}
WITH * WHERE orphans > 0
RETURN label, name, allowed, orphans, examples ORDER BY allowed, orphans DESC;
