// Command stock tells how much of a product is left.
package main

import (
	"fmt"
	"net/http"
	"os"

	jwt "github.com/dgrijalva/jwt-go"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

func main() {
	levels, err := readLevels(os.Getenv("STOCK_FILE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.HandleFunc("/stock/", func(w http.ResponseWriter, r *http.Request) {
		if !isAllowed(r.Header.Get("Authorization")) {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		printer := message.NewPrinter(language.English)
		printer.Fprintf(w, "%d\n", levels[r.URL.Path[len("/stock/"):]])
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":8081", nil))
}

func isAllowed(header string) bool {
	parsed, err := jwt.Parse(header, func(*jwt.Token) (interface{}, error) {
		return []byte(os.Getenv("STOCK_SIGNING_KEY")), nil
	})
	return err == nil && parsed.Valid
}
