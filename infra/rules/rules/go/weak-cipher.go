package hide

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rc4"
)

func block(key []byte) (cipher.Block, error) {
	// ruleid: go.crypto.weak-cipher
	return des.NewTripleDESCipher(key)
}

func stream(key []byte) (*rc4.Cipher, error) {
	// ruleid: go.crypto.weak-cipher
	return rc4.NewCipher(key)
}

func modern(key []byte) (cipher.AEAD, error) {
	// ok: go.crypto.weak-cipher
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
