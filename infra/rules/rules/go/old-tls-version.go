package clients

import "crypto/tls"

func config() *tls.Config {
	// ruleid: go.crypto.old-tls-version
	return &tls.Config{MinVersion: tls.VersionTLS10}
}

func lower(config *tls.Config) {
	// ruleid: go.crypto.old-tls-version
	config.MinVersion = tls.VersionTLS11
}

func modern() *tls.Config {
	// ok: go.crypto.old-tls-version
	return &tls.Config{MinVersion: tls.VersionTLS13}
}
