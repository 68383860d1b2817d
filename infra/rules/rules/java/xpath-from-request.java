import jakarta.servlet.http.HttpServletRequest;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathFactory;
import org.w3c.dom.Document;

class Lookup {
    String mail(Document people, HttpServletRequest request) throws Exception {
        XPath xpath = XPathFactory.newInstance().newXPath();
        // ruleid: java.injection.xpath-from-request
        return xpath.evaluate("//person[@name='" + request.getParameter("name") + "']/mail", people);
    }

    String mailWithVariable(Document people, HttpServletRequest request) throws Exception {
        XPath xpath = XPathFactory.newInstance().newXPath();
        String name = request.getParameter("name");
        xpath.setXPathVariableResolver(variable -> name);
        // ok: java.injection.xpath-from-request
        return xpath.evaluate("//person[@name=$name]/mail", people);
    }
}
