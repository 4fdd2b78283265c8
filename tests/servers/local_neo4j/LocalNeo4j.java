import java.nio.file.Path;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.connectors.HttpConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementService;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;

/** A real Neo4j 5 on a loopback port: says when it answers, stops when its standard input closes, keeps its folder. */
public class LocalNeo4j {
    public static void main(String[] args) throws Exception {
        SocketAddress address = new SocketAddress("localhost", Integer.parseInt(args[1]));
        String password = args.length > 2 ? args[2] : "";
        DatabaseManagementService server = new DatabaseManagementServiceBuilder(Path.of(args[0]))
                .setConfig(BoltConnector.enabled, true)
                .setConfig(BoltConnector.listen_address, address)
                .setConfig(HttpConnector.enabled, false)
                .setConfig(GraphDatabaseSettings.auth_enabled, !password.isEmpty())
                .setConfig(GraphDatabaseSettings.pagecache_memory, 128L * 1024 * 1024)
                .build();
        if (!password.isEmpty()) {
            server.database("system").executeTransactionally(
                    "ALTER USER neo4j SET PASSWORD '" + password + "' CHANGE NOT REQUIRED");
        }
        System.out.println("BOLT bolt://" + address);
        System.out.flush();
        while (System.in.read() >= 0) { }
        server.shutdown();
        System.exit(0);
    }
}
