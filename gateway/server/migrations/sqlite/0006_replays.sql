-- Requests that are answered once, by their Idempotency-Key.
-- answer: sealed under a key that only whoever sends the request can make.
CREATE TABLE replays (
    name     BLOB PRIMARY KEY CHECK (length(name) = 32),
    content  BLOB NOT NULL CHECK (length(content) = 32),
    answer   BLOB,
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX replays_by_end ON replays (until_ms);
