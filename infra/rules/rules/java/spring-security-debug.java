import org.springframework.security.config.annotation.web.builders.WebSecurity;
import org.springframework.security.config.annotation.web.configuration.EnableWebSecurity;

// ruleid: java.debug.spring-security-debug
@EnableWebSecurity(debug = true)
class Debugged {
    void configure(WebSecurity security) {
        // ruleid: java.debug.spring-security-debug
        security.debug(true);
    }
}

// ok: java.debug.spring-security-debug
@EnableWebSecurity
class Quiet {
    void configure(WebSecurity security) {
        // ok: java.debug.spring-security-debug
        security.debug(false);
    }
}
