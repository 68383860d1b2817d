import jakarta.servlet.http.HttpServletRequest;
import javax.naming.directory.DirContext;
import javax.naming.directory.SearchControls;
import org.springframework.ldap.support.LdapEncoder;

class Directory {
    Object find(DirContext context, HttpServletRequest request) throws Exception {
        String filter = "(uid=" + request.getParameter("name") + ")";
        // ruleid: java.injection.ldap-filter
        return context.search("ou=people", filter, new SearchControls());
    }

    Object findWithArgument(DirContext context, HttpServletRequest request) throws Exception {
        Object[] values = {request.getParameter("name")};
        // ok: java.injection.ldap-filter
        return context.search("ou=people", "(uid={0})", values, new SearchControls());
    }

    Object findEncoded(DirContext context, HttpServletRequest request) throws Exception {
        String filter = "(uid=" + LdapEncoder.filterEncode(request.getParameter("name")) + ")";
        // ok: java.injection.ldap-filter
        return context.search("ou=people", filter, new SearchControls());
    }
}
