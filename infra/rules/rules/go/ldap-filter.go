package directory

import (
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

func find(name string) *ldap.SearchRequest {
	filter := fmt.Sprintf("(uid=%s)", name)
	// ruleid: go.injection.ldap-filter
	return ldap.NewSearchRequest("ou=people", 2, 0, 1, 5, false, filter, []string{"dn"}, nil)
}

func findByMail(mail string) *ldap.SearchRequest {
	// ruleid: go.injection.ldap-filter
	return ldap.NewSearchRequest("ou=people", 2, 0, 1, 5, false, "(mail="+mail+")", nil, nil)
}

func findEscaped(name string) *ldap.SearchRequest {
	filter := fmt.Sprintf("(uid=%s)", ldap.EscapeFilter(name))
	// ok: go.injection.ldap-filter
	return ldap.NewSearchRequest("ou=people", 2, 0, 1, 5, false, filter, []string{"dn"}, nil)
}

func findByMailEscaped(mail string) *ldap.SearchRequest {
	filter := "(mail=" + ldap.EscapeFilter(mail) + ")"
	// ok: go.injection.ldap-filter
	return ldap.NewSearchRequest("ou=people", 2, 0, 1, 5, false, filter, []string{"dn"}, nil)
}

func everybody() *ldap.SearchRequest {
	// ok: go.injection.ldap-filter
	return ldap.NewSearchRequest("ou=people", 2, 0, 1, 5, false, "(objectClass=person)", nil, nil)
}
