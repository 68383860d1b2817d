package tokens

import "github.com/golang-jwt/jwt/v5"

func who(text string, claims jwt.Claims) error {
	// ruleid: go.jwt.signature-not-verified
	_, _, err := jwt.NewParser().ParseUnverified(text, claims)
	return err
}

func issue(claims jwt.Claims) (string, error) {
	// ruleid: go.jwt.signature-not-verified
	return jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(nil)
}

func whoChecked(text string, keys jwt.Keyfunc) (*jwt.Token, error) {
	// ok: go.jwt.signature-not-verified
	return jwt.Parse(text, keys, jwt.WithValidMethods([]string{"ES256"}))
}
