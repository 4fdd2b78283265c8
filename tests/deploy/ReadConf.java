import java.nio.file.Path;
import org.neo4j.configuration.Config;
import org.neo4j.configuration.GraphDatabaseSettings;

/** Neo4j's own reader takes a configuration file, strictly, and prints each explicit setting as it understood it. */
public class ReadConf {
    public static void main(String[] args) {
        Config config = Config.newBuilder()
                .set(GraphDatabaseSettings.strict_config_validation, true)
                .fromFile(Path.of(args[0]))
                .build();
        config.getDeclaredSettings().forEach((name, setting) -> {
            if (config.isExplicitlySet(setting)) {
                System.out.println(name + "=" + config.get(setting));
            }
        });
    }
}
