const { exec, execFile } = require("child_process");
const processes = require("node:child_process");

function archive(folder) {
  // ruleid: javascript.injection.command-string
  exec(`tar czf out.tgz ${folder}`);
}

function ping(req, res) {
  const line = "ping -c 1 " + req.query.host;
  // ruleid: javascript.injection.command-string
  processes.execSync(line);
}

function list(folder) {
  // ruleid: javascript.injection.command-string
  processes.spawn("ls -l " + folder, { shell: true });
}

function archiveWithoutShell(folder) {
  // ok: javascript.injection.command-string
  execFile("tar", ["czf", "out.tgz", "--", folder]);
}

function uptime() {
  // ok: javascript.injection.command-string
  exec("uptime | cut -d, -f1");
}

function match(text) {
  // ok: javascript.injection.command-string
  return /^[a-z]+$/.exec(`${text}`);
}
