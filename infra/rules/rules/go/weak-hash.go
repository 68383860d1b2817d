package sums

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
)

func stored(password string) [16]byte {
	// ruleid: go.crypto.weak-hash
	return md5.Sum([]byte(password))
}

func digest(data []byte) []byte {
	// ruleid: go.crypto.weak-hash
	sum := sha1.New()
	sum.Write(data)
	return sum.Sum(nil)
}

func sign(key, data []byte) []byte {
	// ruleid: go.crypto.weak-hash
	mac := hmac.New(sha1.New, key)
	mac.Write(data)
	return mac.Sum(nil)
}

func checksum(data []byte) [32]byte {
	// ok: go.crypto.weak-hash
	return sha256.Sum256(data)
}
