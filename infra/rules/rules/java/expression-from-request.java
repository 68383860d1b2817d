import jakarta.servlet.http.HttpServletRequest;
import javax.script.ScriptEngine;
import javax.script.ScriptEngineManager;
import org.springframework.expression.ExpressionParser;
import org.springframework.expression.spel.standard.SpelExpressionParser;
import org.springframework.web.bind.annotation.RequestParam;

class Formulas {
    Object sum(@RequestParam String formula) {
        ExpressionParser parser = new SpelExpressionParser();
        // ruleid: java.injection.expression-from-request
        return parser.parseExpression(formula).getValue();
    }

    Object script(HttpServletRequest request) throws Exception {
        ScriptEngine engine = new ScriptEngineManager().getEngineByName("js");
        // ruleid: java.injection.expression-from-request
        return engine.eval("1 + " + request.getParameter("x"));
    }

    Object twice(@RequestParam String formula) {
        ExpressionParser parser = new SpelExpressionParser();
        // ok: java.injection.expression-from-request
        return parser.parseExpression("length() * 2").getValue(formula);
    }
}
