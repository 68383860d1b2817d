const errorHandler = require("errorhandler");
const express = require("express");

const app = express();

app.use((err, req, res, next) => {
  // ruleid: javascript.debug.error-details-sent
  res.status(500).send(err.stack);
});

app.use((err, req, res, next) => {
  // ruleid: javascript.debug.error-details-sent
  res.json({ message: "failed", details: err.stack });
});

// ruleid: javascript.debug.error-details-sent
app.use(errorHandler());

app.use((err, req, res, next) => {
  console.error(err.stack);
  // ok: javascript.debug.error-details-sent
  res.status(500).send("Something failed");
});

if (process.env.NODE_ENV === "development") {
  // ok: javascript.debug.error-details-sent
  app.use(errorHandler());
}
