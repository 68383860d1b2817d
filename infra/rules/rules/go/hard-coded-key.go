package tokens

import (
	"os"

	"github.com/golang-jwt/jwt/v5"
)

func issue(claims jwt.Claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	// ruleid: go.jwt.hard-coded-key
	return token.SignedString([]byte("blue door in the wall"))
}

func issueWithName(claims jwt.Claims) (string, error) {
	key := []byte("blue door in the wall")
	// ruleid: go.jwt.hard-coded-key
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(key)
}

func issueWell(claims jwt.Claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	// ok: go.jwt.hard-coded-key
	return token.SignedString([]byte(os.Getenv("TOKEN_KEY")))
}
