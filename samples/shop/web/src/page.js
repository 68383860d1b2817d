'use strict';

const Handlebars = require('handlebars');
const moment = require('moment');

const page = Handlebars.compile(`<!doctype html>
<title>{{title}}</title>
<h1>{{title}}</h1>
<ul>{{#each items}}<li>{{quantity}} × {{sku}}</li>{{/each}}</ul>
<footer>{{date}}</footer>
`);

function renderPage(title, cart) {
  return page({ title, items: cart.items, date: moment().format('LL') });
}

module.exports = { renderPage };
