-- Times are microseconds since 1970 in UTC, lists are JSON arrays of strings.
-- A row's revision is the id of the audit row of the change that wrote it.

CREATE TABLE audit (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	time       INTEGER NOT NULL,
	actor      TEXT NOT NULL,
	action     TEXT NOT NULL,
	kind       TEXT NOT NULL,
	name       TEXT NOT NULL,
	before     TEXT,
	after      TEXT
) STRICT;

CREATE TABLE tenants (
	name       TEXT PRIMARY KEY,
	status     TEXT NOT NULL,
	sets       TEXT NOT NULL,
	revision   INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- No foreign key to tenants: a token's group may be declared in the config.
CREATE TABLE tokens (
	id           TEXT PRIMARY KEY,
	tenant       TEXT NOT NULL,
	name         TEXT NOT NULL,
	status       TEXT NOT NULL,
	models       TEXT NOT NULL,
	subnets      TEXT NOT NULL,
	expires_at   INTEGER,
	last_used_at INTEGER,
	hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
	revision     INTEGER NOT NULL,
	created_at   INTEGER NOT NULL,
	updated_at   INTEGER NOT NULL,
	UNIQUE (tenant, name)
) STRICT;

CREATE TABLE channels (
	name       TEXT PRIMARY KEY,
	config     TEXT NOT NULL,
	keys       BLOB,
	revision   INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE models (
	name       TEXT PRIMARY KEY,
	config     TEXT NOT NULL,
	revision   INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
