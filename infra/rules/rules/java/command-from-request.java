import jakarta.servlet.http.HttpServletRequest;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestParam;

class Tools {
    void ping(HttpServletRequest request) throws Exception {
        // ruleid: java.injection.command-from-request
        Runtime.getRuntime().exec("ping -c 1 " + request.getParameter("host"));
    }

    @GetMapping("/size")
    Process size(@RequestParam("folder") String folder) throws Exception {
        // ruleid: java.injection.command-from-request
        return new ProcessBuilder("sh", "-c", "du -s " + folder).start();
    }

    @GetMapping("/run/{program}")
    Process run(@PathVariable String program) throws Exception {
        // ruleid: java.injection.command-from-request
        return new ProcessBuilder(program, "--version").start();
    }

    @GetMapping("/size-directly")
    Process sizeDirectly(@RequestParam String folder) throws Exception {
        // ok: java.injection.command-from-request
        return new ProcessBuilder("du", "-s", "--", folder).start();
    }

    @GetMapping("/often")
    Process often(@RequestParam int count) throws Exception {
        // ok: java.injection.command-from-request
        return new ProcessBuilder("sh", "-c", "ping localhost -c " + count).start();
    }
}
