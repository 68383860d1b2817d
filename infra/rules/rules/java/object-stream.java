import com.fasterxml.jackson.databind.ObjectMapper;
import java.beans.XMLDecoder;
import java.io.InputStream;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;

class Baskets {
    Object load(InputStream in) throws Exception {
        try (ObjectInputStream stream = new ObjectInputStream(in)) {
            // ruleid: java.deserialization.object-stream
            return stream.readObject();
        }
    }

    Object decode(InputStream in) {
        // ruleid: java.deserialization.object-stream
        return new XMLDecoder(in).readObject();
    }

    Object loadFiltered(InputStream in, ObjectInputFilter filter) throws Exception {
        ObjectInputStream stream = new ObjectInputStream(in);
        stream.setObjectInputFilter(filter);
        // ok: java.deserialization.object-stream
        return stream.readObject();
    }

    Basket loadJson(InputStream in) throws Exception {
        // ok: java.deserialization.object-stream
        return new ObjectMapper().readValue(in, Basket.class);
    }
}
