import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;

class Hiding {
    Cipher old() throws Exception {
        // ruleid: java.crypto.weak-cipher
        return Cipher.getInstance("DES/CBC/PKCS5Padding");
    }

    Cipher blocks() throws Exception {
        // ruleid: java.crypto.weak-cipher
        return Cipher.getInstance("AES/ECB/PKCS5Padding");
    }

    Cipher unnamed() throws Exception {
        // ruleid: java.crypto.weak-cipher
        return Cipher.getInstance("AES");
    }

    Cipher modern() throws Exception {
        // ok: java.crypto.weak-cipher
        return Cipher.getInstance("AES/GCM/NoPadding");
    }

    KeyGenerator keys() throws Exception {
        // ok: java.crypto.weak-cipher
        return KeyGenerator.getInstance("AES");
    }
}
