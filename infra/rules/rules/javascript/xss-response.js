const express = require("express");
const escapeHtml = require("escape-html");
const { people } = require("./database");

const app = express();

app.get("/hello", (req, res) => {
  // ruleid: javascript.injection.xss-response
  res.send(`<h1>Hello ${req.query.name}</h1>`);
});

app.get("/search", (req, res) => {
  const text = req.params.text;
  // ruleid: javascript.injection.xss-response
  res.write("<p>Nothing found for " + text + "</p>");
  res.end();
});

app.get("/hello-escaped", (req, res) => {
  // ok: javascript.injection.xss-response
  res.send(`<h1>Hello ${escapeHtml(req.query.name)}</h1>`);
});

app.get("/person", async (req, res) => {
  const person = await people.find(req.query.name);
  // ok: javascript.injection.xss-response
  res.send(person);
});

app.get("/data", (req, res) => {
  // ok: javascript.injection.xss-response
  res.json({ name: req.query.name });
});

app.get("/count", (req, res) => {
  // ok: javascript.injection.xss-response
  res.send(`<p>${Number(req.query.count)}</p>`);
});
