const fs = require("fs");
const path = require("path");

function unpack(parser, folder) {
  parser.on("entry", (entry) => {
    // ruleid: javascript.path-traversal.zip-slip
    entry.pipe(fs.createWriteStream(path.join(folder, entry.path)));
  });
}

function unzip(archive, folder) {
  for (const entry of archive.getEntries()) {
    const target = folder + "/" + entry.entryName;
    // ruleid: javascript.path-traversal.zip-slip
    fs.writeFileSync(target, entry.getData());
  }
}

function unzipChecked(archive, folder) {
  for (const entry of archive.getEntries()) {
    const target = path.resolve(folder, entry.entryName);
    if (!target.startsWith(folder + path.sep)) {
      continue;
    }
    // ok: javascript.path-traversal.zip-slip
    fs.writeFileSync(target, entry.getData());
  }
}

function unzipFlat(archive, folder) {
  for (const entry of archive.getEntries()) {
    // ok: javascript.path-traversal.zip-slip
    fs.writeFileSync(path.join(folder, path.basename(entry.entryName)), entry.getData());
  }
}
