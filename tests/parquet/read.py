"""Reads an export with Apache Arrow's own reader and prints what it says as one JSON object.

    python read.py DIR POSITION...

For each position: the findings that hold there, as [id, state, severity, path, rule, title], and how many scans are
in each state.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as parquet

folder, positions = Path(sys.argv[1]), [int(position) for position in sys.argv[2:]]


def read(name):
    file = parquet.ParquetFile(folder / name)
    return file, file.read().to_pylist()


def holds(row, position):
    return row["valid_from"] <= position and (row["valid_to"] is None or position < row["valid_to"])


files = {name: read(f"{name}.parquet") for name in ("events", "findings", "scans")}
events, findings, scans = (rows for _, rows in files.values())

print(json.dumps({
    "upTo": {name: file.metadata.metadata[b"scanledger.position"].decode() for name, (file, _) in files.items()},
    "types": {name: {field.name: str(field.type) for field in file.schema_arrow} for name, (file, _) in files.items()},
    "events": [
        [
            event["position"], event["id"], event["stream"], event["version"], event["type"], event["schema"],
            event["data"], event["metadata"], event["recorded_at"].isoformat(timespec="microseconds"),
        ]
        for event in events
    ],
    "findings": {
        position: sorted(
            [row[name] for name in ("finding_id", "state", "severity", "path", "rule", "title")]
            for row in findings if holds(row, position)
        )
        for position in positions
    },
    "scans": {
        position: Counter(row["status"] for row in scans if holds(row, position)) for position in positions
    },
    "counts": {
        row["scan_id"]: [row[word] for word in ("critical", "high", "medium", "unknown", "low", "info")] + [row["gate"]]
        for row in scans if row["status"] == "completed"
    },
    "intervals": [
        [
            row["valid_from"], row["valid_from_at"].isoformat(timespec="microseconds"),
            row["valid_to"], row["valid_to_at"] and row["valid_to_at"].isoformat(timespec="microseconds"),
        ]
        for row in findings + scans
    ],
}))
