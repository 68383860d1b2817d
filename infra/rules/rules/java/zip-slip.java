import java.io.File;
import java.io.FileOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

class Unpacking {
    void unpack(ZipInputStream in, File folder) throws Exception {
        for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
            File target = new File(folder, entry.getName());
            // ruleid: java.path-traversal.zip-slip
            in.transferTo(new FileOutputStream(target));
        }
    }

    void unpackPath(ZipInputStream in, Path folder) throws Exception {
        ZipEntry entry = in.getNextEntry();
        // ruleid: java.path-traversal.zip-slip
        Files.copy(in, folder.resolve(entry.getName()));
    }

    void unpackChecked(ZipInputStream in, Path folder) throws Exception {
        ZipEntry entry = in.getNextEntry();
        Path target = folder.resolve(entry.getName()).normalize();
        if (!target.startsWith(folder)) {
            throw new SecurityException();
        }
        // ok: java.path-traversal.zip-slip
        Files.copy(in, target);
    }

    void unpackCanonical(ZipInputStream in, File folder) throws Exception {
        ZipEntry entry = in.getNextEntry();
        File target = new File(folder, entry.getName());
        if (!target.getCanonicalPath().startsWith(folder.getCanonicalPath() + File.separator)) {
            throw new SecurityException();
        }
        // ok: java.path-traversal.zip-slip
        in.transferTo(new FileOutputStream(target));
    }
}
