'use strict';

const assert = require('assert');
const { addItem, emptyCart, total } = require('../src/cart');

const cart = emptyCart();
addItem(cart, { sku: 'teapot', quantity: 2, price: 1250 });
addItem(cart, { sku: 'teapot', quantity: 1, price: 1250 });
assert.strictEqual(cart.items.length, 1);
assert.strictEqual(total(cart), 3750);
