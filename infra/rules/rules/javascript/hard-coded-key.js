const jwt = require("jsonwebtoken");

const KEY = "blue door in the wall";

function issue(name) {
  // ruleid: javascript.jwt.hard-coded-key
  return jwt.sign({ sub: name }, "blue door in the wall", { expiresIn: "1h" });
}

function check(token) {
  // ruleid: javascript.jwt.hard-coded-key
  return jwt.verify(token, KEY, { algorithms: ["HS256"] });
}

function issueWell(name) {
  // ok: javascript.jwt.hard-coded-key
  return jwt.sign({ sub: name }, process.env.TOKEN_KEY, { expiresIn: "1h" });
}
