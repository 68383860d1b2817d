"""Appends with `eventsourcing`'s recorder on PostgreSQL, for `benches/peers`; src/scripted.rs says how it is talked to.

Callers are threads, and the pool has as many connections as were given. The recorder is the one that applications
have: stored events with notification ids, in their order.
"""

import random
import sys
import threading
import time
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

BATCH = 1_000


class Peer:
    def __init__(self, url: str, streams: int, connections: int, size: int) -> None:
        server = urlsplit(url)
        self.datastore = PostgresDatastore(
            dbname=server.path.lstrip("/"),
            host=server.hostname or "localhost",
            port=server.port or 5432,
            user=server.username or "",
            password=server.password or "",
            pool_size=connections,
        )
        self.recorder = PostgresApplicationRecorder(self.datastore)
        self.recorder.create_table()
        self.state = b"d" * size
        self.streams: list[UUID] = [uuid4() for _ in range(streams)]
        self.versions = [1] * streams
        for first in range(0, streams, BATCH):
            batch = range(first, min(streams, first + BATCH))
            self.recorder.insert_events([self.event(stream, 1) for stream in batch])

    def event(self, stream: int, version: int) -> StoredEvent:
        return StoredEvent(self.streams[stream], version, "bench:Appended", self.state)

    def call(self, caller: int, callers: int, until: float, done: list[tuple[int, int]]) -> None:
        """Appends to streams that no other caller draws."""
        share = len(self.streams) // callers
        appended = again = 0
        while time.monotonic() < until:
            stream = random.randrange(share) * callers + caller
            version = self.versions[stream] + 1
            while True:
                try:
                    self.recorder.insert_events([self.event(stream, version)])
                    break
                except IntegrityError:
                    again += 1
            self.versions[stream] = version
            appended += 1
        done.append((appended, again))

    def measure(self, callers: int, seconds: float) -> str:
        done: list[tuple[int, int]] = []
        started = time.monotonic()
        threads = [
            threading.Thread(target=self.call, args=(caller, callers, started + seconds, done))
            for caller in range(callers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - started
        if len(done) != callers:
            sys.exit("a caller failed")
        return f"{sum(n for n, _ in done)} {sum(n for _, n in done)} {seconds}"


def main() -> None:
    url, (_, streams, connections, data, metadata) = sys.argv[1], map(int, sys.argv[2:7])
    peer = Peer(url, streams, connections, data + metadata)
    print("ready", flush=True)
    for line in sys.stdin:
        callers, seconds = line.split()
        print(peer.measure(int(callers), float(seconds)), flush=True)
    peer.datastore.close()


main()
