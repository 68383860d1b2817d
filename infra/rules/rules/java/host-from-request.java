import jakarta.servlet.http.HttpServletRequest;
import java.io.InputStream;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpRequest;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.client.RestTemplate;

class Fetching {
    InputStream preview(HttpServletRequest request) throws Exception {
        // ruleid: java.ssrf.host-from-request
        return new URL(request.getParameter("url")).openStream();
    }

    String logo(RestTemplate template, @RequestParam String host) {
        // ruleid: java.ssrf.host-from-request
        return template.getForObject("https://" + host + "/logo.svg", String.class);
    }

    HttpRequest build(@RequestParam(name = "to") String to) {
        // ruleid: java.ssrf.host-from-request
        return HttpRequest.newBuilder(URI.create(to)).build();
    }

    String weather(RestTemplate template, @RequestParam String city) {
        // ok: java.ssrf.host-from-request
        return template.getForObject("https://weather.example/v1/" + city, String.class);
    }

    String country(RestTemplate template, @RequestParam String code) {
        // ok: java.ssrf.host-from-request
        return template.getForObject("https://countries.example/v1/{code}", String.class, code);
    }
}
