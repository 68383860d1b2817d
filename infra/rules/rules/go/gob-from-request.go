package state

import (
	"encoding/gob"
	"encoding/json"
	"io"
	"net/http"
)

type State struct{ Name string }

func load(w http.ResponseWriter, r *http.Request) {
	var state State
	// ruleid: go.deserialization.gob-from-request
	_ = gob.NewDecoder(r.Body).Decode(&state)
}

func loadJSON(w http.ResponseWriter, r *http.Request) {
	var state State
	// ok: go.deserialization.gob-from-request
	_ = json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&state)
}

func cached(file io.Reader) (state State, err error) {
	// ok: go.deserialization.gob-from-request
	err = gob.NewDecoder(file).Decode(&state)
	return state, err
}
