module example.com/shop/stock

go 1.24.0

toolchain go1.26.5

require (
	github.com/dgrijalva/jwt-go v3.2.0+incompatible
	golang.org/x/text v0.3.3
	gopkg.in/yaml.v2 v2.2.2
)
