'use strict';

const crypto = require('crypto');
const { emptyCart } = require('./cart');

// Planted for the demo: a secret that belongs into the environment.
const sessionSecret = 'BBWQ6j2J7wYvatDJ3KeTIPDOoejfS7cmEAamkgj8';
const carts = new Map();

function sign(id) {
  return crypto.createHmac('sha256', sessionSecret).update(id).digest('hex');
}

function cartOf(request) {
  const id = sign(request.ip);
  if (!carts.has(id)) {
    carts.set(id, emptyCart());
  }
  return carts.get(id);
}

module.exports = { cartOf, sign };
