package clients

import (
	"crypto/tls"
	"crypto/x509"
)

func config() *tls.Config {
	// ruleid: go.crypto.tls-verify-off
	return &tls.Config{ServerName: "db", InsecureSkipVerify: true}
}

func relax(config *tls.Config) {
	// ruleid: go.crypto.tls-verify-off
	config.InsecureSkipVerify = true
}

func checked(authorities *x509.CertPool) *tls.Config {
	// ok: go.crypto.tls-verify-off
	return &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
}

func own(check func(tls.ConnectionState) error) *tls.Config {
	// ok: go.crypto.tls-verify-off
	return &tls.Config{InsecureSkipVerify: true, VerifyConnection: check}
}
