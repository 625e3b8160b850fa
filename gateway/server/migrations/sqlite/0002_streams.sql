-- The life of this database's offsets. Draw it anew when the database was put back from a copy.
CREATE TABLE epoch (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    value    INTEGER NOT NULL
) STRICT;
INSERT INTO epoch (only_row, value) VALUES (1, abs(random() / 2));

-- head: offset of the newest message, counted from one. acknowledged: some reader has everything
-- up to here, so a reader that says nothing begins after it.
CREATE TABLE streams (
    name         TEXT PRIMARY KEY,
    head         INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL CHECK (acknowledged <= head)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    stream TEXT NOT NULL REFERENCES streams (name),
    offset INTEGER NOT NULL,
    text   TEXT NOT NULL,
    at_ms  INTEGER NOT NULL,
    PRIMARY KEY (stream, offset)
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_by_time ON messages (at_ms);
