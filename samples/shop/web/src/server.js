'use strict';

const express = require('express');
const morgan = require('morgan');
const { addItem, total } = require('./cart');
const { renderPage } = require('./page');
const session = require('./session');

const app = express();
app.use(morgan('combined'));
app.use(express.json());

app.get('/', (request, response) => {
  response.send(renderPage('Welcome', session.cartOf(request)));
});

app.post('/cart/items', (request, response) => {
  const cart = addItem(session.cartOf(request), request.body);
  response.status(201).json({ items: cart.items, total: total(cart) });
});

app.listen(process.env.PORT || 8080);
