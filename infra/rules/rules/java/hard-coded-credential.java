import java.sql.Connection;
import java.sql.DriverManager;

class Store {
    // ruleid: java.secrets.hard-coded-credential
    private static final String DATABASE_PASSWORD = "winter-2019-storm";

    // ok: java.secrets.hard-coded-credential
    private static final String PASSWORD_FIELD = "password1";

    Connection open(String url) throws Exception {
        // ruleid: java.secrets.hard-coded-credential
        return DriverManager.getConnection(url, "app", "winter storm");
    }

    String key() {
        // ruleid: java.secrets.hard-coded-credential
        String apiKey = "number-9-dream";
        return apiKey;
    }

    Connection openWell(String url) throws Exception {
        // ok: java.secrets.hard-coded-credential
        return DriverManager.getConnection(url, "app", System.getenv("DATABASE_PASSWORD"));
    }

    String readKey() {
        // ok: java.secrets.hard-coded-credential
        String apiKey = System.getenv("API_KEY");
        return apiKey;
    }
}
