// Neo4j 5.26 Enterprise, in the system database. Not tried here.
// One copy that is written, two that analysts read.
ALTER DATABASE neo4j SET TOPOLOGY 1 PRIMARY 2 SECONDARIES;

// Analysts read, and can't write.
CREATE USER analyst IF NOT EXISTS SET PASSWORD 'change-me' CHANGE REQUIRED;
GRANT ROLE reader TO analyst;

// How far each copy is behind, in transactions.
SHOW DATABASE neo4j YIELD name, address, role, writer, currentStatus, replicationLag;
