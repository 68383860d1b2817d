// Appends with emmett's event store on PostgreSQL, for `benches/peers`; src/scripted.rs says how it is talked to.
//
// Callers are loops of one process, and the pool has as many connections as were given.

import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";
import { isExpectedVersionConflictError } from "@event-driven-io/emmett";
import pg from "pg";
import { createInterface } from "node:readline";

const [url, ...numbers] = process.argv.slice(2);
const [first, streams, connections, dataBytes, metadataBytes] = numbers.map(Number);

const frame = JSON.stringify({ note: "" }).length;
const event = {
  type: "Appended",
  data: { note: "d".repeat(dataBytes - frame) },
  metadata: { note: "m".repeat(metadataBytes - frame) },
};

const pool = new pg.Pool({ connectionString: url, max: connections });
const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } });
const versions = new Array(streams).fill(0n);

// Appends with the version that the stream is at; answers how often that was refused.
async function append(stream) {
  for (let again = 0; ; again++) {
    try {
      const { nextExpectedStreamVersion } = await store.appendToStream(`bench-${first + stream}`, [event], {
        expectedStreamVersion: versions[stream] === 0n ? "STREAM_DOES_NOT_EXIST" : versions[stream],
      });
      versions[stream] = nextExpectedStreamVersion;
      return again;
    } catch (error) {
      if (!isExpectedVersionConflictError(error)) throw error;
    }
  }
}

// Runs `callers` of `call` at a time, each with its number.
const together = (callers, call) => Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));

async function measure(callers, seconds) {
  let appended = 0;
  let again = 0;
  const started = performance.now();
  const share = Math.floor(streams / callers);
  await together(callers, async (caller) => {
    while (performance.now() - started < seconds * 1000) {
      // A stream that no other caller draws.
      again += await append(Math.floor(Math.random() * share) * callers + caller);
      appended += 1;
    }
  });
  return `${appended} ${again} ${(performance.now() - started) / 1000}`;
}

await append(0);
let made = 1;
await together(connections, async () => {
  while (made < streams) await append(made++);
});
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [callers, seconds] = line.split(" ").map(Number);
  console.log(await measure(callers, seconds));
}
await store.close();
await pool.end();
