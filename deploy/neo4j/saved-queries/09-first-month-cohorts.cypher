// 첫 구매 월별 재구매 | Repeat purchases by month of the first
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live
MATCH (m:CRM_Mall)-[:HAS_CUSTOMER]->(c:CRM_Customer)-[:PLACED]->(first:CRM_Order {sale_no: 1})
WHERE m._scope IN live
OPTIONAL MATCH (c)-[:PLACED]->(second:CRM_Order {sale_no: 2})
WITH m, date.truncate('month', first.local_date) AS month,
     duration.inDays(first.local_date, second.local_date).days AS days
RETURN month, count(*) AS members,
       round(100.0 * sum(CASE WHEN days <= 30 THEN 1 ELSE 0 END) / count(*), 1) AS percent_30d,
       round(100.0 * sum(CASE WHEN days <= 60 THEN 1 ELSE 0 END) / count(*), 1) AS percent_60d,
       round(100.0 * sum(CASE WHEN days <= 90 THEN 1 ELSE 0 END) / count(*), 1) AS percent_90d,
       month + duration('P1M') + duration('P90D') <= date(m.as_of) AS complete
ORDER BY month;
