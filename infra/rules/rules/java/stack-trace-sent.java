import jakarta.servlet.http.HttpServletResponse;
import java.util.logging.Level;
import java.util.logging.Logger;

class Failing {
    private static final Logger LOG = Logger.getLogger("app");

    void answer(HttpServletResponse response, Exception error) throws Exception {
        // ruleid: java.debug.stack-trace-sent
        error.printStackTrace(response.getWriter());
    }

    void answerWell(HttpServletResponse response, Exception error) throws Exception {
        LOG.log(Level.SEVERE, "failed", error);
        // ok: java.debug.stack-trace-sent
        response.sendError(500, "Something failed");
    }
}
