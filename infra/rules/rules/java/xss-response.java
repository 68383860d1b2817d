import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.PrintWriter;
import org.owasp.encoder.Encode;

class Greeting {
    void hello(HttpServletRequest request, HttpServletResponse response) throws Exception {
        // ruleid: java.injection.xss-response
        response.getWriter().println("<h1>Hello " + request.getParameter("name") + "</h1>");
    }

    void search(HttpServletRequest request, HttpServletResponse response) throws Exception {
        String text = request.getParameter("q");
        PrintWriter out = response.getWriter();
        // ruleid: java.injection.xss-response
        out.printf("<p>Nothing found for %s</p>", text);
    }

    void helloEscaped(HttpServletRequest request, HttpServletResponse response) throws Exception {
        // ok: java.injection.xss-response
        response.getWriter().println("<h1>Hello " + Encode.forHtml(request.getParameter("name")) + "</h1>");
    }

    void plain(HttpServletRequest request, HttpServletResponse response) throws Exception {
        response.setContentType("text/plain");
        // ok: java.injection.xss-response
        response.getWriter().println(request.getParameter("name"));
    }
}
