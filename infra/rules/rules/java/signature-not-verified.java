import com.auth0.jwt.JWT;
import com.auth0.jwt.algorithms.Algorithm;
import com.auth0.jwt.interfaces.DecodedJWT;
import io.jsonwebtoken.Jwts;
import java.security.PublicKey;

class Tokens {
    String who(String token) {
        // ruleid: java.jwt.signature-not-verified
        return JWT.decode(token).getSubject();
    }

    Object open(String token) {
        // ruleid: java.jwt.signature-not-verified
        return Jwts.parser().unsecured().build().parse(token);
    }

    String issue(String name) {
        // ruleid: java.jwt.signature-not-verified
        return JWT.create().withSubject(name).sign(Algorithm.none());
    }

    DecodedJWT whoChecked(String token, Algorithm algorithm) {
        // ok: java.jwt.signature-not-verified
        return JWT.require(algorithm).withIssuer("app").build().verify(token);
    }

    Object openChecked(String token, PublicKey key) {
        // ok: java.jwt.signature-not-verified
        return Jwts.parser().verifyWith(key).build().parseSignedClaims(token);
    }
}
