package store

import "os"

// ruleid: go.secrets.hard-coded-credential
const databasePassword = "winter-2019-storm"

type Options struct{ Host, Password string }

func options() Options {
	return Options{
		Host: "db",
		// ruleid: go.secrets.hard-coded-credential
		Password: "winter-2019-storm",
	}
}

func key() string {
	// ruleid: go.secrets.hard-coded-credential
	apiKey := "number-9-dream"
	return apiKey
}

func optionsWell() Options {
	// ok: go.secrets.hard-coded-credential
	return Options{Host: "db", Password: os.Getenv("DATABASE_PASSWORD")}
}

// ok: go.secrets.hard-coded-credential
const passwordField = "password1"
