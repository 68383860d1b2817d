package main

import (
	"net/http"
	_ "net/http/pprof"
)

func main() {
	// ok: go.debug.profiler-served
	go http.ListenAndServe("localhost:6060", nil)
	mux := http.NewServeMux()
	// ok: go.debug.profiler-served
	go http.ListenAndServe(":8081", mux)
	// ruleid: go.debug.profiler-served
	_ = http.ListenAndServe(":8080", nil)
}
