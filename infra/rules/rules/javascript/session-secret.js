const cookieSession = require("cookie-session");
const express = require("express");
const session = require("express-session");

const app = express();
// ruleid: javascript.secrets.session-secret
app.use(session({ secret: "seven green bottles", resave: false }));
// ruleid: javascript.secrets.session-secret
app.use(cookieSession({ name: "session", keys: ["seven green bottles"] }));
// ok: javascript.secrets.session-secret
app.use(session({ secret: process.env.SESSION_SECRET, resave: false }));
// ok: javascript.secrets.session-secret
app.use(cookieSession({ name: "session", keys: [process.env.SESSION_SECRET] }));
