package fetch

import (
	"fmt"
	"net/http"
)

func preview(w http.ResponseWriter, r *http.Request) {
	// ruleid: go.ssrf.host-from-request
	answer, err := http.Get(r.URL.Query().Get("url"))
	if err == nil {
		answer.Body.Close()
	}
}

func logo(w http.ResponseWriter, r *http.Request) {
	url := fmt.Sprintf("https://%s/logo.png", r.FormValue("host"))
	// ruleid: go.ssrf.host-from-request
	_, _ = http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
}

func weather(w http.ResponseWriter, r *http.Request) {
	// ok: go.ssrf.host-from-request
	answer, err := http.Get("https://weather.example/v1/" + r.FormValue("city"))
	if err == nil {
		answer.Body.Close()
	}
}

func country(w http.ResponseWriter, r *http.Request) {
	// ok: go.ssrf.host-from-request
	_, _ = http.NewRequest(http.MethodGet, fmt.Sprintf("https://countries.example/v1/%s", r.PathValue("code")), nil)
}
