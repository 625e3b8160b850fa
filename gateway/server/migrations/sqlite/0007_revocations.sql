-- Who is removed keeps its row, for what refers to it, and nothing else.
ALTER TABLE vendors ADD COLUMN removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1));
ALTER TABLE scanners ADD COLUMN removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1));

-- What was taken away lately; gateways look here for sockets that have to end.
CREATE TABLE revocations (
    number INTEGER PRIMARY KEY,
    kind   TEXT NOT NULL CHECK (kind IN ('vendor', 'key', 'tokens', 'scanner')),
    name   TEXT NOT NULL,
    at_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX revocations_by_time ON revocations (at_ms);
