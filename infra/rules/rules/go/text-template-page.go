package pages

import (
	"net/http"
	"os"
	"text/template"
)

var page = template.Must(template.New("page").Parse("<h1>Hello {{.}}</h1>"))

func hello(w http.ResponseWriter, r *http.Request) {
	// ruleid: go.injection.text-template-page
	_ = page.Execute(w, r.FormValue("name"))
}

func report(name string) {
	// ok: go.injection.text-template-page
	_ = page.Execute(os.Stdout, name)
}
