package invite

import (
	"fmt"
	"math/rand"
)

func invite() string {
	// ruleid: go.crypto.random-for-secret
	token := fmt.Sprintf("%x", rand.Int63())
	return token
}

func newPassword() string {
	// ruleid: go.crypto.random-for-secret
	return fmt.Sprint(rand.Intn(1000000))
}

func dice() int {
	// ok: go.crypto.random-for-secret
	eyes := 1 + rand.Intn(6)
	return eyes
}

func inviteWell(read func([]byte) (int, error)) []byte {
	// ok: go.crypto.random-for-secret
	token := make([]byte, 32)
	_, _ = read(token)
	return token
}
