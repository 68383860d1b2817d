const fs = require("fs");
const https = require("https");

// ruleid: javascript.crypto.tls-verify-off
const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });

// ruleid: javascript.crypto.tls-verify-off
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";

// ok: javascript.crypto.tls-verify-off
const checked = new https.Agent({ keepAlive: true });

// ok: javascript.crypto.tls-verify-off
const own = new https.Agent({ ca: fs.readFileSync("authority.pem"), rejectUnauthorized: true });

module.exports = { agent, checked, own };
