// 관계별 수 | Relationships by type
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live
CALL (live) {
  MATCH (a:CRM_Mall)-[r:HAS_CUSTOMER]->(e:CRM_Customer) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Mall' AS from, 'HAS_CUSTOMER' AS type, 'CRM_Customer' AS to, '회원을 둔다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Mall)-[r:SELLS]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Mall' AS from, 'SELLS' AS type, 'CRM_Product' AS to, '판다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Customer)-[r:PLACED]->(e:CRM_Order) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Customer' AS from, 'PLACED' AS type, 'CRM_Order' AS to, '주문했다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Order)-[r:CONTAINS]->(e:CRM_OrderItem) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Order' AS from, 'CONTAINS' AS type, 'CRM_OrderItem' AS to, '담고 있다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_OrderItem)-[r:OF_PRODUCT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_OrderItem' AS from, 'OF_PRODUCT' AS type, 'CRM_Product' AS to, '이 상품이다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Product)-[r:IN_CATEGORY]->(e:CRM_Category) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Product' AS from, 'IN_CATEGORY' AS type, 'CRM_Category' AS to, '분류에 속한다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Category)-[r:CHILD_OF]->(e:CRM_Category) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Category' AS from, 'CHILD_OF' AS type, 'CRM_Category' AS to, '상위 분류' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Customer)-[r:IN_GROUP]->(e:CRM_CustomerGroup) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Customer' AS from, 'IN_GROUP' AS type, 'CRM_CustomerGroup' AS to, '등급이다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Customer)-[r:BOUGHT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Customer' AS from, 'BOUGHT' AS type, 'CRM_Product' AS to, '구매했다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Customer)-[r:FIRST_BOUGHT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Customer' AS from, 'FIRST_BOUGHT' AS type, 'CRM_Product' AS to, '첫 구매에서 샀다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Coupon)-[r:ISSUED_TO]->(e:CRM_Customer) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Coupon' AS from, 'ISSUED_TO' AS type, 'CRM_Customer' AS to, '발급되었다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Order)-[r:USED_COUPON]->(e:CRM_Coupon) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Order' AS from, 'USED_COUPON' AS type, 'CRM_Coupon' AS to, '쿠폰을 썼다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Customer)-[r:WROTE]->(e:CRM_Review) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Customer' AS from, 'WROTE' AS type, 'CRM_Review' AS to, '썼다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Review)-[r:AFTER_ORDER]->(e:CRM_Order) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Review' AS from, 'AFTER_ORDER' AS type, 'CRM_Order' AS to, '이 주문의 리뷰다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_ApiEndpoint)-[r:BELONGS_TO]->(e:CRM_ApiResource) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_ApiEndpoint' AS from, 'BELONGS_TO' AS type, 'CRM_ApiResource' AS to, '리소스에 속한다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_ApiEndpoint)-[r:REQUIRES]->(e:CRM_Scope) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_ApiEndpoint' AS from, 'REQUIRES' AS type, 'CRM_Scope' AS to, '권한이 필요하다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_ApiEndpoint)-[r:RETURNS]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_ApiEndpoint' AS from, 'RETURNS' AS type, 'CRM_Concept' AS to, '조회한다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_ApiEndpoint)-[r:CHANGES]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_ApiEndpoint' AS from, 'CHANGES' AS type, 'CRM_Concept' AS to, '바꾼다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Concept)-[r:EXPLAINED_BY]->(e:CRM_ApiEndpoint) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Concept' AS from, 'EXPLAINED_BY' AS type, 'CRM_ApiEndpoint' AS to, '문서가 설명한다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Concept)-[r:BROADER]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Concept' AS from, 'BROADER' AS type, 'CRM_Concept' AS to, '상위 개념' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Concept)-[r:RELATED]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Concept' AS from, 'RELATED' AS type, 'CRM_Concept' AS to, '관련 개념' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Concept)-[r:MEASURED_BY]->(e:CRM_Metric) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Concept' AS from, 'MEASURED_BY' AS type, 'CRM_Metric' AS to, '지표로 잰다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Task)-[r:CONCERNS]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Task' AS from, 'CONCERNS' AS type, 'CRM_Concept' AS to, '이 개념에 관한 일이다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Task)-[r:CALLS]->(e:CRM_ApiEndpoint) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Task' AS from, 'CALLS' AS type, 'CRM_ApiEndpoint' AS to, '차례로 부른다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Review)-[r:ABOUT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Review' AS from, 'ABOUT' AS type, 'CRM_Product' AS to, '무엇에 관한 것인가' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Pattern)-[r:ABOUT]->(e:CRM_Concept) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Pattern' AS from, 'ABOUT' AS type, 'CRM_Concept' AS to, '무엇에 관한 것인가' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Pattern)-[r:ABOUT]->(e:CRM_Metric) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Pattern' AS from, 'ABOUT' AS type, 'CRM_Metric' AS to, '무엇에 관한 것인가' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Pattern)-[r:ABOUT]->(e:CRM_Product) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Pattern' AS from, 'ABOUT' AS type, 'CRM_Product' AS to, '무엇에 관한 것인가' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Pattern)-[r:ABOUT]->(e:CRM_Category) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Pattern' AS from, 'ABOUT' AS type, 'CRM_Category' AS to, '무엇에 관한 것인가' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Pattern)-[r:ABOUT]->(e:CRM_CustomerGroup) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Pattern' AS from, 'ABOUT' AS type, 'CRM_CustomerGroup' AS to, '무엇에 관한 것인가' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Pattern)-[r:ABOUT]->(e:CRM_Coupon) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Pattern' AS from, 'ABOUT' AS type, 'CRM_Coupon' AS to, '무엇에 관한 것인가' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Pattern)-[r:ABOUT]->(e:CRM_Segment) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Pattern' AS from, 'ABOUT' AS type, 'CRM_Segment' AS to, '무엇에 관한 것인가' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Pattern)-[r:FOUND_IN]->(e:CRM_Mall) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Pattern' AS from, 'FOUND_IN' AS type, 'CRM_Mall' AS to, '이 몰에서 찾았다' AS name, count(r) AS relationships
  UNION ALL
  MATCH (a:CRM_Insight)-[r:EXPLAINS]->(e:CRM_Pattern) WHERE a._scope IN live AND e._scope IN live
  RETURN 'CRM_Insight' AS from, 'EXPLAINS' AS type, 'CRM_Pattern' AS to, '설명한다' AS name, count(r) AS relationships
}
RETURN from, type, to, name, relationships ORDER BY relationships DESC, type, from, to;
