-- Names that are words of no dialect of SQL: one text of every query is for two databases.
ALTER TABLE sessions RENAME COLUMN user TO user_id;
ALTER TABLE messages RENAME COLUMN offset TO position;

-- A gateway ends contexts whose time is over, whoever opened them.
CREATE INDEX contexts_by_end ON contexts (expires_at_ms) WHERE result IS NULL;

-- Which gateway holds a scanner's socket, until when.
CREATE TABLE presence (
    stream   TEXT PRIMARY KEY,
    holder   BLOB NOT NULL CHECK (length(holder) = 16),
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
