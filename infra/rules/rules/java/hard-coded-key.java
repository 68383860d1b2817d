import com.auth0.jwt.algorithms.Algorithm;
import io.jsonwebtoken.security.Keys;
import java.nio.charset.StandardCharsets;
import javax.crypto.SecretKey;

class SigningKeys {
    private static final String KEY = "blue door in the wall";

    Algorithm algorithm() {
        // ruleid: java.jwt.hard-coded-key
        return Algorithm.HMAC256("blue door in the wall");
    }

    Algorithm named() {
        // ruleid: java.jwt.hard-coded-key
        return Algorithm.HMAC512(KEY);
    }

    SecretKey key() {
        // ruleid: java.jwt.hard-coded-key
        return Keys.hmacShaKeyFor("blue door in the wall".getBytes(StandardCharsets.UTF_8));
    }

    Algorithm algorithmWell() {
        // ok: java.jwt.hard-coded-key
        return Algorithm.HMAC256(System.getenv("TOKEN_KEY"));
    }
}
