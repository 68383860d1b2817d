const express = require("express");
const { pool, db, prisma, knex } = require("./database");

const app = express();

async function byName(name) {
  // ruleid: javascript.injection.sql-string
  return pool.query(`SELECT id FROM person WHERE name = '${name}'`);
}

async function byCity(city) {
  const sql = "SELECT id FROM person WHERE city = '" + city + "'";
  // ruleid: javascript.injection.sql-string
  return db.all(sql);
}

app.get("/people", async (req, res) => {
  // ruleid: javascript.injection.sql-string
  res.json(await prisma.$queryRawUnsafe(req.query.sql));
});

app.get("/sorted", async (req, res) => {
  // ruleid: javascript.injection.sql-string
  res.json(await knex.raw("SELECT id FROM person ORDER BY " + req.query.order));
});

async function byNameWithParameters(name) {
  // ok: javascript.injection.sql-string
  return pool.query("SELECT id FROM person WHERE name = $1", [name]);
}

async function byTag(name) {
  // ok: javascript.injection.sql-string
  return prisma.$queryRaw`SELECT id FROM person WHERE name = ${name}`;
}

app.get("/some", async (req, res) => {
  // ok: javascript.injection.sql-string
  res.json(await db.all("SELECT id FROM person LIMIT ?", Number(req.query.limit)));
});
