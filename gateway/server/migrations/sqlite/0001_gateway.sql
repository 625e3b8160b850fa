CREATE TABLE vendors (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    key_sha256 BLOB NOT NULL UNIQUE CHECK (length(key_sha256) = 32)
) STRICT, WITHOUT ROWID;

-- One scanner stands at a terminal.
CREATE TABLE scanners (
    id         TEXT PRIMARY KEY,
    vendor     TEXT NOT NULL REFERENCES vendors (id),
    terminal   TEXT NOT NULL,
    key_sha256 BLOB NOT NULL CHECK (length(key_sha256) = 32),
    UNIQUE (vendor, terminal)
) STRICT, WITHOUT ROWID;

-- agreed: the three parties' signed enrolment, kept from before the ledger hears of it.
CREATE TABLE users (
    id       BLOB PRIMARY KEY CHECK (length(id) = 16),
    enrolled INTEGER NOT NULL CHECK (enrolled IN (0, 1)),
    agreed   BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_sha256  BLOB PRIMARY KEY CHECK (length(token_sha256) = 32),
    user          BLOB NOT NULL REFERENCES users (id),
    expires_at_ms INTEGER NOT NULL,
    used          INTEGER NOT NULL CHECK (used IN (0, 1))
) STRICT, WITHOUT ROWID;

-- asked: digest of what the vendor asked, so that the same id with other content is a conflict.
-- agreed: the three parties' signed answer, kept from before the ledger hears of it.
-- result: the final answer; a context without one is open.
CREATE TABLE contexts (
    vendor        TEXT NOT NULL REFERENCES vendors (id),
    context       TEXT NOT NULL,
    terminal      TEXT NOT NULL,
    scanner       TEXT NOT NULL REFERENCES scanners (id),
    asked         BLOB NOT NULL CHECK (length(asked) = 32),
    body          BLOB NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    transaction_id BLOB NOT NULL CHECK (length(transaction_id) = 32),
    agreed        BLOB,
    result        TEXT,
    PRIMARY KEY (vendor, context)
) STRICT, WITHOUT ROWID;

-- A terminal has one open context at a time.
CREATE UNIQUE INDEX contexts_open ON contexts (vendor, terminal) WHERE result IS NULL;
CREATE INDEX contexts_by_transaction ON contexts (transaction_id);

-- Final answers by request id: a repeated request gets the stored one.
CREATE TABLE requests (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),
    subject BLOB NOT NULL CHECK (length(subject) = 32),
    answer  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
