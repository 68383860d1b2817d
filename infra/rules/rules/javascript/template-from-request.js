const ejs = require("ejs");
const nunjucks = require("nunjucks");

function preview(req, res) {
  // ruleid: javascript.injection.template-from-request
  res.type("html").send(ejs.render(req.body.template, {}));
}

function greet(req, res) {
  const source = "<p>Hello " + req.query.name + "</p>";
  // ruleid: javascript.injection.template-from-request
  res.type("html").send(nunjucks.renderString(source, {}));
}

function greetSafely(req, res) {
  // ok: javascript.injection.template-from-request
  res.type("html").send(ejs.render("<p>Hello <%= name %></p>", { name: req.query.name }));
}
