const vm = require("vm");

function sum(req, res) {
  // ruleid: javascript.injection.eval-from-request
  res.json(eval(req.body.formula));
}

function compile(req, res) {
  const text = req.query.code;
  // ruleid: javascript.injection.eval-from-request
  res.json(new Function("x", text)(1));
}

function sandbox(req, res) {
  // ruleid: javascript.injection.eval-from-request
  res.json(vm.runInNewContext("1 + " + req.query.x, {}));
}

function parse(req, res) {
  // ok: javascript.injection.eval-from-request
  res.json(JSON.parse(req.body.values));
}

function twice(req, res) {
  // ok: javascript.injection.eval-from-request
  res.json(eval("2 * " + Number(req.query.x)));
}
