-- Requests that are answered once, by their Idempotency-Key.
-- answer: sealed under a key that only whoever sends the request can make.
CREATE TABLE replays (
    name     BYTEA PRIMARY KEY CHECK (length(name) = 32),
    content  BYTEA NOT NULL CHECK (length(content) = 32),
    answer   BYTEA,
    until_ms BIGINT NOT NULL
);

CREATE INDEX replays_by_end ON replays (until_ms);
