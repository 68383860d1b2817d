import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.jsontype.BasicPolymorphicTypeValidator;
import com.fasterxml.jackson.databind.jsontype.impl.LaissezFaireSubTypeValidator;

class Mappers {
    ObjectMapper old() {
        ObjectMapper mapper = new ObjectMapper();
        // ruleid: java.deserialization.jackson-default-typing
        mapper.enableDefaultTyping();
        return mapper;
    }

    ObjectMapper lax() {
        ObjectMapper mapper = new ObjectMapper();
        // ruleid: java.deserialization.jackson-default-typing
        mapper.activateDefaultTyping(LaissezFaireSubTypeValidator.instance);
        return mapper;
    }

    ObjectMapper strict() {
        ObjectMapper mapper = new ObjectMapper();
        // ok: java.deserialization.jackson-default-typing
        mapper.activateDefaultTyping(BasicPolymorphicTypeValidator.builder().allowIfSubType("app.").build());
        return mapper;
    }

    static class Holder {
        // ruleid: java.deserialization.jackson-default-typing
        @JsonTypeInfo(use = JsonTypeInfo.Id.CLASS, property = "class")
        Object byClass;

        // ok: java.deserialization.jackson-default-typing
        @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
        Object byName;
    }
}
