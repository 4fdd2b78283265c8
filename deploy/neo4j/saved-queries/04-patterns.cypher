// 발견한 패턴 | Patterns found
// :param mall_id => 'sandbox'
MATCH (b:CRM_Build {mall_id: $mall_id})
WITH [b.facts_scope, b.findings_scope] AS live
MATCH (p:CRM_Pattern) WHERE p._scope IN live
RETURN p.title AS title, p.status AS status, p.effect_name AS effect_name, p.effect AS effect,
       p.ci_low AS ci_low, p.ci_high AS ci_high, p.q AS q, p.n AS n, p.action AS action, p.pattern_id AS pattern_id
ORDER BY CASE p.status WHEN 'confirmed' THEN 0 WHEN 'tentative' THEN 1 ELSE 2 END, q, pattern_id;
