-- job: what a context's work with the parties is called; contexts from before have none.
ALTER TABLE contexts ADD COLUMN job BYTEA CHECK (job IS NULL OR length(job) = 16);
CREATE UNIQUE INDEX contexts_by_job ON contexts (job) WHERE job IS NOT NULL;

-- Enrolments that a scanner asked for over REST; how one ended is the answer to its request.
-- asked: digest of the body, so that the same request with other content is a conflict.
-- failure: why the last try ended without an answer.
CREATE TABLE jobs (
    id            BYTEA PRIMARY KEY CHECK (length(id) = 16),
    scanner       TEXT NOT NULL REFERENCES scanners (id),
    request       BYTEA NOT NULL UNIQUE CHECK (length(request) = 16),
    asked         BYTEA NOT NULL CHECK (length(asked) = 32),
    user_id       BYTEA NOT NULL CHECK (length(user_id) = 16),
    expires_at_ms BIGINT NOT NULL,
    failure       TEXT
);

CREATE INDEX jobs_by_end ON jobs (expires_at_ms);
CREATE UNIQUE INDEX scanners_by_key ON scanners (key_sha256);

-- What there is to know about people. The network asks for some of them itself: those stay.
CREATE TABLE attributes (
    name                 TEXT PRIMARY KEY,
    data_format          TEXT,
    context_format       TEXT,
    attestation_required BOOLEAN NOT NULL,
    fixed                BOOLEAN NOT NULL
);

INSERT INTO attributes VALUES
    ('age-verify', 'boolean', NULL, TRUE, TRUE),
    ('email', 'string', NULL, FALSE, TRUE),
    ('payment-method', 'object', 'json', FALSE, TRUE),
    ('pseudonym', 'string', NULL, FALSE, TRUE);
