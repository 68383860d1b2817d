'use strict';

const _ = require('lodash');

function emptyCart() {
  return { items: [] };
}

function addItem(cart, { sku, quantity, price }) {
  const known = _.find(cart.items, { sku });
  if (known) {
    known.quantity += quantity;
  } else {
    cart.items.push({ sku, quantity, price });
  }
  return cart;
}

function total(cart) {
  return _.sumBy(cart.items, (item) => item.quantity * item.price);
}

module.exports = { emptyCart, addItem, total };
