-- The schema of the SQLite files as of their third version, in one.
CREATE TABLE vendors (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    key_sha256 BYTEA NOT NULL UNIQUE CHECK (length(key_sha256) = 32)
);

-- One scanner stands at a terminal.
CREATE TABLE scanners (
    id         TEXT PRIMARY KEY,
    vendor     TEXT NOT NULL REFERENCES vendors (id),
    terminal   TEXT NOT NULL,
    key_sha256 BYTEA NOT NULL CHECK (length(key_sha256) = 32),
    UNIQUE (vendor, terminal)
);

-- agreed: the three parties' signed enrolment, kept from before the ledger hears of it.
CREATE TABLE users (
    id       BYTEA PRIMARY KEY CHECK (length(id) = 16),
    enrolled BOOLEAN NOT NULL,
    agreed   BYTEA
);

CREATE TABLE sessions (
    token_sha256  BYTEA PRIMARY KEY CHECK (length(token_sha256) = 32),
    user_id       BYTEA NOT NULL REFERENCES users (id),
    expires_at_ms BIGINT NOT NULL,
    used          BOOLEAN NOT NULL
);

-- asked: digest of what the vendor asked, so that the same id with other content is a conflict.
-- agreed: the three parties' signed answer, kept from before the ledger hears of it.
-- result: the final answer; a context without one is open.
CREATE TABLE contexts (
    vendor         TEXT NOT NULL REFERENCES vendors (id),
    context        TEXT NOT NULL,
    terminal       TEXT NOT NULL,
    scanner        TEXT NOT NULL REFERENCES scanners (id),
    asked          BYTEA NOT NULL CHECK (length(asked) = 32),
    body           BYTEA NOT NULL,
    expires_at_ms  BIGINT NOT NULL,
    transaction_id BYTEA NOT NULL CHECK (length(transaction_id) = 32),
    agreed         BYTEA,
    result         TEXT,
    PRIMARY KEY (vendor, context)
);

-- A terminal has one open context at a time.
CREATE UNIQUE INDEX contexts_open ON contexts (vendor, terminal) WHERE result IS NULL;
CREATE INDEX contexts_by_transaction ON contexts (transaction_id);
CREATE INDEX contexts_by_end ON contexts (expires_at_ms) WHERE result IS NULL;

-- Final answers by request id: a repeated request gets the stored one.
CREATE TABLE requests (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    subject BYTEA NOT NULL CHECK (length(subject) = 32),
    answer  TEXT NOT NULL
);

-- The life of this database's offsets. Draw it anew when the database was put back from a copy.
CREATE TABLE epoch (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    value    BIGINT NOT NULL
);
INSERT INTO epoch (only_row, value)
    VALUES (1, ('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 12))::bit(48)::bigint);

-- head: offset of the newest message, counted from one. acknowledged: some reader has everything
-- up to here, so a reader that says nothing begins after it.
CREATE TABLE streams (
    name         TEXT PRIMARY KEY,
    head         BIGINT NOT NULL,
    acknowledged BIGINT NOT NULL CHECK (acknowledged <= head)
);

CREATE TABLE messages (
    stream   TEXT NOT NULL REFERENCES streams (name),
    position BIGINT NOT NULL,
    text     TEXT NOT NULL,
    at_ms    BIGINT NOT NULL,
    PRIMARY KEY (stream, position)
);

CREATE INDEX messages_by_time ON messages (at_ms);

-- Which gateway holds a scanner's socket, until when.
CREATE TABLE presence (
    stream   TEXT PRIMARY KEY,
    holder   BYTEA NOT NULL CHECK (length(holder) = 16),
    until_ms BIGINT NOT NULL
);
