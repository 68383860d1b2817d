import crypto from "crypto";

export function hide(key, nonce) {
  // ruleid: javascript.crypto.weak-cipher
  return crypto.createCipheriv("des-ede3-cbc", key, nonce);
}

export function blocks(key) {
  // ruleid: javascript.crypto.weak-cipher
  return crypto.createCipheriv("aes-128-ecb", key, null);
}

export function old(password) {
  // ruleid: javascript.crypto.weak-cipher
  return crypto.createCipher("aes-256-cbc", password);
}

export function hideWell(key, nonce) {
  // ok: javascript.crypto.weak-cipher
  return crypto.createCipheriv("aes-256-gcm", key, nonce);
}

export function alsoWell(key, nonce) {
  // ok: javascript.crypto.weak-cipher
  return crypto.createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
}
