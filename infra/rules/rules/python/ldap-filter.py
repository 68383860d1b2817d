import ldap
from flask import request
from ldap3.utils.conv import escape_filter_chars


def find(directory):
    name = request.args["name"]
    # ruleid: python.injection.ldap-filter
    return directory.search_s("ou=people", ldap.SCOPE_SUBTREE, f"(uid={name})")


def find_ldap3(connection):
    # ruleid: python.injection.ldap-filter
    connection.search(search_base="ou=people", search_filter="(mail=" + request.args["mail"] + ")")


def find_escaped(connection):
    mail = escape_filter_chars(request.args["mail"])
    # ok: python.injection.ldap-filter
    connection.search("ou=people", f"(mail={mail})")
