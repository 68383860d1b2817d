package pages

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
)

var pages = []string{"/", "/profile"}

func onward(w http.ResponseWriter, r *http.Request) {
	// ruleid: go.redirect.target-from-request
	http.Redirect(w, r, r.FormValue("next"), http.StatusSeeOther)
}

func signedIn(c *gin.Context) {
	target := c.Query("next")
	// ruleid: go.redirect.target-from-request
	c.Redirect(http.StatusSeeOther, target)
}

func page(w http.ResponseWriter, r *http.Request) {
	// ok: go.redirect.target-from-request
	http.Redirect(w, r, "/pages/"+r.FormValue("name"), http.StatusSeeOther)
}

func known(w http.ResponseWriter, r *http.Request) {
	target := r.FormValue("next")
	if !slices.Contains(pages, target) {
		http.NotFound(w, r)
		return
	}
	// ok: go.redirect.target-from-request
	http.Redirect(w, r, target, http.StatusSeeOther)
}
