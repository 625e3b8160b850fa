-- Entries of the public log. A row never changes: the tree is rebuilt from `leaf`.
CREATE TABLE entries (
    entry_index INTEGER PRIMARY KEY CHECK (entry_index >= 0),
    leaf        BLOB NOT NULL,
    opening     BLOB NOT NULL
) STRICT;

CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;

CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;

-- The newest signed checkpoint; it covers every row of `entries`.
CREATE TABLE checkpoint (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    note TEXT NOT NULL
) STRICT;

-- Ids of recorded events that moved no money.
CREATE TABLE events (
    id          BLOB PRIMARY KEY CHECK (length(id) = 32),
    entry_index INTEGER NOT NULL REFERENCES entries (entry_index)
) STRICT, WITHOUT ROWID;

-- Counters of an account in one currency. The world takes the other side of credits and is the
-- only account that may owe.
CREATE TABLE accounts (
    account         BLOB NOT NULL CHECK (length(account) = 32),
    currency        TEXT NOT NULL CHECK (length(currency) = 3),
    world           INTEGER NOT NULL CHECK (world IN (0, 1)),
    debits_posted   INTEGER NOT NULL CHECK (debits_posted >= 0),
    credits_posted  INTEGER NOT NULL CHECK (credits_posted >= 0),
    debits_pending  INTEGER NOT NULL CHECK (debits_pending >= 0),
    credits_pending INTEGER NOT NULL CHECK (credits_pending >= 0),
    PRIMARY KEY (account, currency),
    CHECK (world = 1 OR credits_posted - debits_posted - debits_pending >= 0)
) STRICT, WITHOUT ROWID;

-- Every transfer that was ever asked for, refused ones too.
-- state: 0 held, 1 posted, 2 voided, 3 expired, 4 refused
CREATE TABLE transfers (
    id              BLOB PRIMARY KEY CHECK (length(id) = 32),
    body            BLOB NOT NULL,
    debit_account   BLOB NOT NULL CHECK (length(debit_account) = 32),
    credit_account  BLOB NOT NULL CHECK (length(credit_account) = 32),
    currency        TEXT NOT NULL CHECK (length(currency) = 3),
    amount          INTEGER NOT NULL CHECK (amount > 0),
    state           INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
    expires_at_ms   INTEGER,
    posted_amount   INTEGER CHECK (posted_amount > 0 AND posted_amount <= amount),
    entry_index     INTEGER REFERENCES entries (entry_index),
    CHECK ((state = 1) = (posted_amount IS NOT NULL)),
    CHECK ((state = 1) = (entry_index IS NOT NULL)),
    CHECK (state <> 0 OR expires_at_ms IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX transfers_held ON transfers (expires_at_ms) WHERE state = 0;

-- The journal: two rows for every posted transfer, equal in sum.
CREATE TABLE postings (
    entry_index INTEGER NOT NULL REFERENCES entries (entry_index),
    account     BLOB NOT NULL CHECK (length(account) = 32),
    currency    TEXT NOT NULL CHECK (length(currency) = 3),
    debit       INTEGER NOT NULL CHECK (debit >= 0),
    credit      INTEGER NOT NULL CHECK (credit >= 0),
    time_ms     INTEGER NOT NULL,
    PRIMARY KEY (entry_index, account),
    CHECK ((debit = 0) <> (credit = 0))
) STRICT, WITHOUT ROWID;

CREATE INDEX postings_by_account ON postings (account, time_ms, entry_index);
