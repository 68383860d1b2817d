package files

import (
	"net/http"
	"os"
	"path/filepath"

	"github.com/gin-gonic/gin"
)

const folder = "/srv/files"

func text(w http.ResponseWriter, r *http.Request) {
	// ruleid: go.path-traversal.file-from-request
	data, _ := os.ReadFile(filepath.Join(folder, r.URL.Query().Get("name")))
	_, _ = w.Write(data)
}

func send(c *gin.Context) {
	name := folder + "/" + c.Param("name")
	// ruleid: go.path-traversal.file-from-request
	c.File(name)
}

func textBelow(w http.ResponseWriter, r *http.Request, root *os.Root) {
	// ok: go.path-traversal.file-from-request
	file, err := root.Open(r.URL.Query().Get("name"))
	if err == nil {
		file.Close()
	}
}

func textChecked(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("name")
	if !filepath.IsLocal(name) {
		http.NotFound(w, r)
		return
	}
	// ok: go.path-traversal.file-from-request
	http.ServeFile(w, r, filepath.Join(folder, name))
}

func textByName(w http.ResponseWriter, r *http.Request) {
	// ok: go.path-traversal.file-from-request
	http.ServeFile(w, r, filepath.Join(folder, filepath.Base(r.FormValue("name"))))
}
