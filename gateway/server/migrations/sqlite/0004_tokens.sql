-- What vendors prove themselves with beside their keys: a JWK set.
CREATE TABLE client_keys (
    vendor TEXT PRIMARY KEY REFERENCES vendors (id),
    keys   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- bound_to: the thumbprint of a key, or SHA-256 of a certificate.
CREATE TABLE access_tokens (
    token_sha256  BLOB PRIMARY KEY CHECK (length(token_sha256) = 32),
    vendor        TEXT NOT NULL REFERENCES vendors (id),
    scopes        TEXT NOT NULL,
    by_key        INTEGER NOT NULL CHECK (by_key IN (0, 1)),
    bound_to      BLOB NOT NULL CHECK (length(bound_to) = 32),
    expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX access_tokens_by_end ON access_tokens (expires_at_ms);

-- Assertions and proofs that were used, for as long as they would be good.
CREATE TABLE used (
    name     BLOB PRIMARY KEY CHECK (length(name) = 32),
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_by_end ON used (until_ms);

-- Secrets that gateways over one store have in common.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL CHECK (length(value) = 32)
) STRICT, WITHOUT ROWID;
