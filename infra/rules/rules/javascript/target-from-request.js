const express = require("express");

const app = express();
const PAGES = ["/", "/profile"];

app.get("/next", (req, res) => {
  // ruleid: javascript.redirect.target-from-request
  res.redirect(req.query.next);
});

app.post("/sign-in", (req, res) => {
  const target = req.body.returnTo || "/";
  // ruleid: javascript.redirect.target-from-request
  res.redirect(303, target);
});

app.get("/page/:name", (req, res) => {
  // ok: javascript.redirect.target-from-request
  res.redirect(`/pages/${req.params.name}`);
});

app.get("/known", (req, res) => {
  const target = req.query.next;
  if (!PAGES.includes(target)) {
    return res.sendStatus(400);
  }
  // ok: javascript.redirect.target-from-request
  return res.redirect(target);
});

app.get("/home", (req, res) => {
  // ok: javascript.redirect.target-from-request
  res.redirect("/");
});
