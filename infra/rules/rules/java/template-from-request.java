import freemarker.template.Configuration;
import freemarker.template.Template;
import jakarta.servlet.http.HttpServletRequest;
import java.io.StringReader;
import java.io.Writer;
import java.util.Map;
import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.Velocity;

class Pages {
    void preview(HttpServletRequest request, Configuration configuration, Writer out) throws Exception {
        String source = request.getParameter("template");
        // ruleid: java.injection.template-from-request
        new Template("preview", new StringReader(source), configuration).process(Map.of(), out);
    }

    void greet(HttpServletRequest request, Writer out) {
        // ruleid: java.injection.template-from-request
        Velocity.evaluate(new VelocityContext(), out, "greet", "Hello " + request.getParameter("name"));
    }

    void greetSafely(HttpServletRequest request, Writer out) {
        VelocityContext context = new VelocityContext();
        context.put("name", request.getParameter("name"));
        // ok: java.injection.template-from-request
        Velocity.evaluate(context, out, "greet", "Hello $name");
    }
}
