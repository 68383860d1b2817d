package pages

import (
	"html/template"
	"net/http"
)

func comment(w http.ResponseWriter, page *template.Template, text string) error {
	// ruleid: go.injection.template-unescaped
	return page.Execute(w, template.HTML("<b>"+text+"</b>"))
}

func link(w http.ResponseWriter, page *template.Template, r *http.Request) error {
	// ruleid: go.injection.template-unescaped
	return page.Execute(w, template.URL(r.FormValue("link")))
}

func commentEscaped(w http.ResponseWriter, page *template.Template, text string) error {
	// ok: go.injection.template-unescaped
	return page.Execute(w, text)
}

func line(w http.ResponseWriter, page *template.Template) error {
	// ok: go.injection.template-unescaped
	return page.Execute(w, template.HTML("<hr>"))
}
