const fs = require("fs");
const path = require("path");

const FOLDER = "/srv/files";

function text(req, res) {
  // ruleid: javascript.path-traversal.file-from-request
  res.type("txt").send(fs.readFileSync("/srv/files/" + req.query.name));
}

function send(req, res) {
  const file = path.join(FOLDER, req.params.name);
  // ruleid: javascript.path-traversal.file-from-request
  res.sendFile(file);
}

function remove(req, res) {
  // ruleid: javascript.path-traversal.file-from-request
  fs.promises.unlink(`${FOLDER}/${req.body.name}`);
}

function keep(req, res) {
  // ruleid: javascript.path-traversal.file-from-request
  fs.writeFileSync(path.join(FOLDER, req.file.originalname), req.file.buffer);
}

function sendBelow(req, res) {
  // ok: javascript.path-traversal.file-from-request
  res.sendFile(req.params.name, { root: FOLDER });
}

function sendByName(req, res) {
  // ok: javascript.path-traversal.file-from-request
  res.sendFile(path.join(FOLDER, path.basename(req.params.name)));
}

function sendChecked(req, res) {
  const file = path.resolve(FOLDER, req.params.name);
  if (!file.startsWith(FOLDER + path.sep)) {
    return res.sendStatus(404);
  }
  // ok: javascript.path-traversal.file-from-request
  return res.sendFile(file);
}
