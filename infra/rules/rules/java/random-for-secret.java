import java.security.SecureRandom;
import java.util.Random;

class Invites {
    private final Random random = new Random();

    String invite() {
        // ruleid: java.crypto.random-for-secret
        String token = Long.toHexString(new Random().nextLong());
        return token;
    }

    int newOtp() {
        // ruleid: java.crypto.random-for-secret
        return random.nextInt(1000000);
    }

    int dice() {
        // ok: java.crypto.random-for-secret
        int eyes = 1 + random.nextInt(6);
        return eyes;
    }

    String inviteWell() {
        SecureRandom secure = new SecureRandom();
        // ok: java.crypto.random-for-secret
        String token = Long.toHexString(secure.nextLong());
        return token;
    }
}
