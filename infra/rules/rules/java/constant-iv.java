import java.security.SecureRandom;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;

class Nonces {
    IvParameterSpec text() {
        // ruleid: java.crypto.constant-iv
        return new IvParameterSpec("sixteen letters!".getBytes());
    }

    GCMParameterSpec zeros() {
        byte[] nonce = new byte[12];
        // ruleid: java.crypto.constant-iv
        return new GCMParameterSpec(128, nonce);
    }

    GCMParameterSpec fresh() {
        byte[] nonce = new byte[12];
        new SecureRandom().nextBytes(nonce);
        // ok: java.crypto.constant-iv
        return new GCMParameterSpec(128, nonce);
    }

    GCMParameterSpec given(byte[] nonce) {
        // ok: java.crypto.constant-iv
        return new GCMParameterSpec(128, nonce);
    }
}
