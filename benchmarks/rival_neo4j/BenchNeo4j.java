import java.nio.file.Path;
import java.util.List;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.connectors.HttpConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.harness.Neo4j;
import org.neo4j.harness.Neo4jBuilder;
import org.neo4j.harness.Neo4jBuilders;

/**
 * A real Neo4j 5 on a free loopback port, alike for every contestant: BenchNeo4j FOLDER PAGE_CACHE_MB.
 * Prints its Bolt address, stops when its standard input closes. The one procedure of APOC that neo4j-graphrag calls
 * is there when apoc-core is on the class path; nothing else differs.
 */
public class BenchNeo4j {
    public static void main(String[] args) throws Exception {
        Neo4jBuilder builder = Neo4jBuilders.newInProcessBuilder(Path.of(args[0]))
                .withConfig(BoltConnector.listen_address, new SocketAddress("localhost", 0))
                .withConfig(HttpConnector.enabled, false)
                .withConfig(GraphDatabaseSettings.procedure_unrestricted, List.of("apoc.*"))
                .withConfig(GraphDatabaseSettings.pagecache_memory, Long.parseLong(args[1]) * 1024 * 1024);
        try {
            builder = builder.withProcedure(Class.forName("apoc.merge.Merge"));
        } catch (ClassNotFoundException none) {
            // no APOC on the class path: this is the server that ours and the bare driver get
        }
        try (Neo4j server = builder.build()) {
            System.out.println("BOLT " + server.boltURI());
            System.out.flush();
            while (System.in.read() >= 0) { }
        }
        System.exit(0);
    }
}
