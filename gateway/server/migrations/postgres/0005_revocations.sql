-- Who is removed keeps its row, for what refers to it, and nothing else.
ALTER TABLE vendors ADD COLUMN removed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE scanners ADD COLUMN removed BOOLEAN NOT NULL DEFAULT FALSE;

-- What was taken away lately; gateways look here for sockets that have to end.
CREATE TABLE revocations (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind   TEXT NOT NULL CHECK (kind IN ('vendor', 'key', 'tokens', 'scanner')),
    name   TEXT NOT NULL,
    at_ms  BIGINT NOT NULL
);

CREATE INDEX revocations_by_time ON revocations (at_ms);
