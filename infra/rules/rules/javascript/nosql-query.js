const { people } = require("./database");

async function signIn(req, res) {
  // ruleid: javascript.injection.nosql-query
  const person = await people.findOne({ name: req.body.name, password: req.body.password });
  res.json(person);
}

async function remove(req, res) {
  const { filter } = req.body;
  // ruleid: javascript.injection.nosql-query
  await people.deleteMany(filter);
  res.end();
}

async function search(req, res) {
  // ruleid: javascript.injection.nosql-query
  res.json(await people.find({ city: req.query.city }).toArray());
}

async function signInSafely(req, res) {
  // ok: javascript.injection.nosql-query
  const person = await people.findOne({ name: String(req.body.name) });
  res.json(person);
}

async function searchSafely(req, res) {
  // ok: javascript.injection.nosql-query
  res.json(await people.find({ city: { $eq: req.query.city } }).toArray());
}

function local(req, res) {
  // ok: javascript.injection.nosql-query
  res.json([1, 2].find((x) => x === req.query.x));
}
