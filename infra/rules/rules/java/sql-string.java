import jakarta.persistence.EntityManager;
import jakarta.servlet.http.HttpServletRequest;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import org.springframework.jdbc.core.JdbcTemplate;

class People {
    ResultSet byName(Connection connection, String name) throws Exception {
        Statement statement = connection.createStatement();
        // ruleid: java.injection.sql-string
        return statement.executeQuery("SELECT id FROM person WHERE name = '" + name + "'");
    }

    Object byCity(EntityManager manager, String city) {
        String query = String.format("SELECT p FROM Person p WHERE p.city = '%s'", city);
        // ruleid: java.injection.sql-string
        return manager.createQuery(query).getResultList();
    }

    void run(JdbcTemplate template, HttpServletRequest request) {
        // ruleid: java.injection.sql-string
        template.update(request.getParameter("statement"));
    }

    ResultSet byNameWithParameters(Connection connection, String name) throws Exception {
        // ok: java.injection.sql-string
        PreparedStatement statement = connection.prepareStatement("SELECT id FROM person WHERE name = ?");
        statement.setString(1, name);
        return statement.executeQuery();
    }

    Object byCityWithParameters(EntityManager manager, String city) {
        // ok: java.injection.sql-string
        return manager.createQuery("SELECT p FROM Person p " + "WHERE p.city = :city").setParameter("city", city);
    }

    void runWithParameters(JdbcTemplate template, HttpServletRequest request) {
        // ok: java.injection.sql-string
        template.update("DELETE FROM person WHERE name = ?", request.getParameter("name"));
    }
}
