package main

import "github.com/gin-gonic/gin"

func debug() {
	// ruleid: go.debug.gin-debug-mode
	gin.SetMode(gin.DebugMode)
}

func release() {
	// ok: go.debug.gin-debug-mode
	gin.SetMode(gin.ReleaseMode)
}
