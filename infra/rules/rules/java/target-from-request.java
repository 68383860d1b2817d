import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.Set;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.servlet.view.RedirectView;

class Onward {
    private static final Set<String> PAGES = Set.of("/", "/profile");

    void next(HttpServletRequest request, HttpServletResponse response) throws Exception {
        // ruleid: java.redirect.target-from-request
        response.sendRedirect(request.getParameter("next"));
    }

    String signedIn(@RequestParam String target) {
        // ruleid: java.redirect.target-from-request
        return "redirect:" + target;
    }

    RedirectView view(@RequestParam("to") String to) {
        // ruleid: java.redirect.target-from-request
        return new RedirectView(to);
    }

    String page(@RequestParam String name) {
        // ok: java.redirect.target-from-request
        return "redirect:/pages/" + name;
    }

    void known(HttpServletRequest request, HttpServletResponse response) throws Exception {
        String target = request.getParameter("next");
        if (!PAGES.contains(target)) {
            target = "/";
        }
        // ok: java.redirect.target-from-request
        response.sendRedirect(target);
    }
}
