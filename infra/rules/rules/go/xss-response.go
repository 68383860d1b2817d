package pages

import (
	"fmt"
	"html"
	"io"
	"net/http"
)

func hello(w http.ResponseWriter, r *http.Request) {
	// ruleid: go.injection.xss-response
	fmt.Fprintf(w, "<h1>Hello %s</h1>", r.FormValue("name"))
}

func search(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("q")
	// ruleid: go.injection.xss-response
	_, _ = w.Write([]byte("<p>Nothing found for " + text + "</p>"))
}

func helloEscaped(w http.ResponseWriter, r *http.Request) {
	// ok: go.injection.xss-response
	fmt.Fprintf(w, "<h1>Hello %s</h1>", html.EscapeString(r.FormValue("name")))
}

func plain(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// ok: go.injection.xss-response
	_, _ = io.WriteString(w, r.FormValue("name"))
}
