import sqlite3

from flask import request
from sqlalchemy import text


def by_name(connection: sqlite3.Connection, name: str):
    # ruleid: python.injection.sql-string
    return connection.execute(f"SELECT id FROM person WHERE name = '{name}'").fetchall()


def by_city(cursor, city):
    query = "SELECT id FROM person WHERE city = '" + city + "'"
    # ruleid: python.injection.sql-string
    cursor.execute(query)


def by_mail(cursor, mail):
    # ruleid: python.injection.sql-string
    cursor.execute("SELECT id FROM person WHERE mail = '%s'" % mail)


def report(session):
    # ruleid: python.injection.sql-string
    return session.execute(text("SELECT * FROM report ORDER BY {}".format(request.args["order"])))


def people(model, request):
    # ruleid: python.injection.sql-string
    return model.objects.raw(request.GET["query"])


def by_name_with_parameters(connection: sqlite3.Connection, name: str):
    # ok: python.injection.sql-string
    return connection.execute("SELECT id FROM person WHERE name = ?", (name,)).fetchall()


def page(cursor):
    # ok: python.injection.sql-string
    cursor.execute("SELECT id FROM person WHERE city = %s " + "LIMIT 10", [request.args["city"]])


def by_text(session, city):
    # ok: python.injection.sql-string
    return session.execute(text("SELECT id FROM person WHERE city = :city"), {"city": city})
