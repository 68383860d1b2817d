import java.security.MessageDigest;
import java.security.Signature;

class Sums {
    byte[] stored(byte[] password) throws Exception {
        // ruleid: java.crypto.weak-hash
        return MessageDigest.getInstance("MD5").digest(password);
    }

    Signature sign() throws Exception {
        // ruleid: java.crypto.weak-hash
        return Signature.getInstance("SHA1withRSA");
    }

    byte[] checksum(byte[] data) throws Exception {
        // ok: java.crypto.weak-hash
        return MessageDigest.getInstance("SHA-256").digest(data);
    }

    Signature signWell() throws Exception {
        // ok: java.crypto.weak-hash
        return Signature.getInstance("SHA256withECDSA");
    }
}
