import jakarta.servlet.http.HttpServletRequest;
import java.io.File;
import java.io.FileInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.apache.commons.io.FilenameUtils;
import org.springframework.web.bind.annotation.RequestParam;

class Downloads {
    private static final Path FOLDER = Paths.get("/srv/files");

    FileInputStream open(HttpServletRequest request) throws Exception {
        File file = new File("/srv/files", request.getParameter("name"));
        // ruleid: java.path-traversal.file-from-request
        return new FileInputStream(file);
    }

    String text(@RequestParam String name) throws Exception {
        // ruleid: java.path-traversal.file-from-request
        return Files.readString(Paths.get("/srv/files/" + name));
    }

    FileInputStream openByName(HttpServletRequest request) throws Exception {
        String name = FilenameUtils.getName(request.getParameter("name"));
        // ok: java.path-traversal.file-from-request
        return new FileInputStream(new File("/srv/files", name));
    }

    String textChecked(@RequestParam String name) throws Exception {
        Path path = FOLDER.resolve(name).normalize();
        if (!path.startsWith(FOLDER)) {
            throw new SecurityException();
        }
        // ok: java.path-traversal.file-from-request
        return Files.readString(path);
    }
}
