const crypto = require("crypto");

function invite(person) {
  // ruleid: javascript.crypto.random-for-secret
  const token = Math.random().toString(36).slice(2);
  return { person, token };
}

function resetPassword() {
  // ruleid: javascript.crypto.random-for-secret
  return Math.random().toString(36);
}

function open(session) {
  // ruleid: javascript.crypto.random-for-secret
  session.sessionId = "s" + Math.random();
}

function key(person) {
  // ruleid: javascript.crypto.random-for-secret
  return { person, apiKey: Math.random().toString(36) };
}

function inviteWell(person) {
  // ok: javascript.crypto.random-for-secret
  const token = crypto.randomBytes(32).toString("base64url");
  return { person, token };
}

function dice() {
  // ok: javascript.crypto.random-for-secret
  const eyes = 1 + Math.floor(Math.random() * 6);
  return eyes;
}
