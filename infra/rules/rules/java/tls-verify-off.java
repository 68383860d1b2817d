import java.security.KeyStore;
import java.security.cert.X509Certificate;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.apache.http.conn.ssl.NoopHostnameVerifier;

class Everybody implements X509TrustManager {
    // ruleid: java.crypto.tls-verify-off
    public void checkServerTrusted(X509Certificate[] chain, String kind) {}

    public void checkClientTrusted(X509Certificate[] chain, String kind) {}

    public X509Certificate[] getAcceptedIssuers() {
        return new X509Certificate[0];
    }
}

class Clients {
    void relax(HttpsURLConnection connection) {
        // ruleid: java.crypto.tls-verify-off
        connection.setHostnameVerifier((host, session) -> true);
    }

    Object noop() {
        // ruleid: java.crypto.tls-verify-off
        return NoopHostnameVerifier.INSTANCE;
    }

    TrustManagerFactory own(KeyStore authorities) throws Exception {
        // ok: java.crypto.tls-verify-off
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(authorities);
        return factory;
    }
}

class Pinned implements X509TrustManager {
    private X509TrustManager inner;

    // ok: java.crypto.tls-verify-off
    public void checkServerTrusted(X509Certificate[] chain, String kind) throws java.security.cert.CertificateException {
        inner.checkServerTrusted(chain, kind);
    }

    public void checkClientTrusted(X509Certificate[] chain, String kind) {}

    public X509Certificate[] getAcceptedIssuers() {
        return inner.getAcceptedIssuers();
    }
}
