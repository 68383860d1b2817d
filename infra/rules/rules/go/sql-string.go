package people

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
)

func byName(db *sql.DB, name string) (*sql.Rows, error) {
	// ruleid: go.injection.sql-string
	return db.Query(fmt.Sprintf("SELECT id FROM person WHERE name = '%s'", name))
}

func byCity(ctx context.Context, db *sql.DB, city string) *sql.Row {
	query := "SELECT id FROM person WHERE city = '" + city + "'"
	// ruleid: go.injection.sql-string
	return db.QueryRowContext(ctx, query)
}

func run(db *sql.DB, w http.ResponseWriter, r *http.Request) {
	// ruleid: go.injection.sql-string
	_, _ = db.Exec(r.FormValue("statement"))
}

func byNameWithParameters(db *sql.DB, name string) (*sql.Rows, error) {
	// ok: go.injection.sql-string
	return db.Query("SELECT id FROM person WHERE name = $1", name)
}

func page(db *sql.DB, limit int) (*sql.Rows, error) {
	// ok: go.injection.sql-string
	return db.Query(fmt.Sprintf("SELECT id FROM person LIMIT %d", limit))
}

func byCityWithParameters(ctx context.Context, db *sql.DB, r *http.Request) *sql.Row {
	// ok: go.injection.sql-string
	return db.QueryRowContext(ctx, "SELECT id FROM person "+"WHERE city = $1", r.FormValue("city"))
}
