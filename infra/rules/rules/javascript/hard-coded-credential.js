const { Client } = require("pg");

// ruleid: javascript.secrets.hard-coded-credential
const apiKey = "number-9-dream";

const client = new Client({
  host: "db",
  // ruleid: javascript.secrets.hard-coded-credential
  password: "winter-2019-storm",
});

// ruleid: javascript.secrets.hard-coded-credential
client.clientSecret = "winter-2019-storm";

const other = new Client({
  // ok: javascript.secrets.hard-coded-credential
  password: process.env.DATABASE_PASSWORD,
});

// ok: javascript.secrets.hard-coded-credential
const passwordField = "password1";

const labels = {
  // ok: javascript.secrets.hard-coded-credential
  password: "Your password, 8 characters at least",
};

module.exports = { apiKey, client, labels, other, passwordField };
