// Deprecated: not really.
module "example.com/shop"

go 1.21.0

toolchain go1.21.3

require (
	github.com/dgrijalva/jwt-go v3.2.0+incompatible
	"golang.org/x/text" v0.3.3 // indirect
	github.com/pinned/module v1.0.0 // indirect; kept for the tests
	example.com/replaced v1.2.3 // a comment
	example.com/local v0.0.0
)

require gopkg.in/yaml.v2 v2.2.2

exclude golang.org/x/text v0.3.2

replace (
	example.com/replaced => example.com/fork v1.9.0
	example.com/local => ../local
	github.com/pinned/module v1.0.0 => github.com/pinned/module v1.1.0
	github.com/pinned/module v0.9.0 => github.com/pinned/module v0.9.1
)

retract [v1.0.0, v1.1.0]

tool example.com/tool
