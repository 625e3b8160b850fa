-- What vendors prove themselves with beside their keys: a JWK set.
CREATE TABLE client_keys (
    vendor TEXT PRIMARY KEY REFERENCES vendors (id),
    keys   TEXT NOT NULL
);

-- bound_to: the thumbprint of a key, or SHA-256 of a certificate.
CREATE TABLE access_tokens (
    token_sha256  BYTEA PRIMARY KEY CHECK (length(token_sha256) = 32),
    vendor        TEXT NOT NULL REFERENCES vendors (id),
    scopes        TEXT NOT NULL,
    by_key        BOOLEAN NOT NULL,
    bound_to      BYTEA NOT NULL CHECK (length(bound_to) = 32),
    expires_at_ms BIGINT NOT NULL
);

CREATE INDEX access_tokens_by_end ON access_tokens (expires_at_ms);

-- Assertions and proofs that were used, for as long as they would be good.
CREATE TABLE used (
    name     BYTEA PRIMARY KEY CHECK (length(name) = 32),
    until_ms BIGINT NOT NULL
);

CREATE INDEX used_by_end ON used (until_ms);

-- Secrets that gateways over one store have in common.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL CHECK (length(value) = 32)
);
