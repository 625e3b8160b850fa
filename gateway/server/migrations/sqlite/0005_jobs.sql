-- job: what a context's work with the parties is called; contexts from before have none.
ALTER TABLE contexts ADD COLUMN job BLOB CHECK (job IS NULL OR length(job) = 16);
CREATE UNIQUE INDEX contexts_by_job ON contexts (job) WHERE job IS NOT NULL;

-- Enrolments that a scanner asked for over REST; how one ended is the answer to its request.
-- asked: digest of the body, so that the same request with other content is a conflict.
-- failure: why the last try ended without an answer.
CREATE TABLE jobs (
    id            BLOB PRIMARY KEY CHECK (length(id) = 16),
    scanner       TEXT NOT NULL REFERENCES scanners (id),
    request       BLOB NOT NULL UNIQUE CHECK (length(request) = 16),
    asked         BLOB NOT NULL CHECK (length(asked) = 32),
    user_id       BLOB NOT NULL CHECK (length(user_id) = 16),
    expires_at_ms INTEGER NOT NULL,
    failure       TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_by_end ON jobs (expires_at_ms);
CREATE UNIQUE INDEX scanners_by_key ON scanners (key_sha256);

-- What there is to know about people. The network asks for some of them itself: those stay.
CREATE TABLE attributes (
    name                 TEXT PRIMARY KEY,
    data_format          TEXT,
    context_format       TEXT,
    attestation_required INTEGER NOT NULL CHECK (attestation_required IN (0, 1)),
    fixed                INTEGER NOT NULL CHECK (fixed IN (0, 1))
) STRICT, WITHOUT ROWID;

INSERT INTO attributes VALUES
    ('age-verify', 'boolean', NULL, 1, 1),
    ('email', 'string', NULL, 0, 1),
    ('payment-method', 'object', 'json', 0, 1),
    ('pseudonym', 'string', NULL, 0, 1);
