package tools

import (
	"net/http"
	"os/exec"
	"strconv"

	"github.com/gin-gonic/gin"
)

func ping(w http.ResponseWriter, r *http.Request) {
	host := r.URL.Query().Get("host")
	// ruleid: go.injection.command-from-request
	_ = exec.Command("sh", "-c", "ping -c 1 "+host).Run()
}

func run(c *gin.Context) {
	// ruleid: go.injection.command-from-request
	_ = exec.CommandContext(c, c.Param("program"), "--version").Run()
}

func pingDirectly(w http.ResponseWriter, r *http.Request) {
	// ok: go.injection.command-from-request
	_ = exec.Command("ping", "-c", "1", "--", r.FormValue("host")).Run()
}

func pingOften(w http.ResponseWriter, r *http.Request) {
	count, err := strconv.Atoi(r.FormValue("count"))
	if err != nil {
		return
	}
	// ok: go.injection.command-from-request
	_ = exec.Command("sh", "-c", "ping localhost -c "+strconv.Itoa(count)).Run()
}
