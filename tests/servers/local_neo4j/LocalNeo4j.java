import java.nio.file.Path;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.connectors.HttpConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.harness.Neo4j;
import org.neo4j.harness.Neo4jBuilders;

/** A real Neo4j 5 on a free loopback port: prints its Bolt address, stops when its standard input closes. */
public class LocalNeo4j {
    public static void main(String[] args) throws Exception {
        try (Neo4j server = Neo4jBuilders.newInProcessBuilder(Path.of(args[0]))
                .withConfig(BoltConnector.listen_address, new SocketAddress("localhost", 0))
                .withConfig(HttpConnector.enabled, false)
                .withConfig(GraphDatabaseSettings.pagecache_memory, 128L * 1024 * 1024)
                .build()) {
            System.out.println("BOLT " + server.boltURI());
            System.out.flush();
            while (System.in.read() >= 0) { }
        }
        System.exit(0);
    }
}
