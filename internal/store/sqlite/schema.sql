-- The log of an archive. docs/format.md explains every column.
-- Nothing here is content, and nothing can be read without the ring.

CREATE TABLE head (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL,
    root BLOB    NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

CREATE TABLE entry (
    seq        INTEGER PRIMARY KEY,
    kind       INTEGER NOT NULL,
    at         INTEGER NOT NULL, -- Unix time in milliseconds
    commitment BLOB    NOT NULL,
    frame      INTEGER,          -- NULL: disposed of
    slot       INTEGER NOT NULL
) STRICT;

CREATE TABLE frame (
    id     INTEGER PRIMARY KEY,
    key    INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    sealed BLOB    NOT NULL
) STRICT;

CREATE TABLE tile (
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    hashes BLOB    NOT NULL,
    PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE key (
    id      INTEGER PRIMARY KEY,
    epoch   INTEGER,
    block   INTEGER,
    wrapped BLOB NOT NULL,
    CHECK ((epoch IS NULL) <> (block IS NULL))
) STRICT;
CREATE INDEX key_epoch ON key (epoch) WHERE epoch IS NOT NULL;
CREATE INDEX key_block ON key (block) WHERE block IS NOT NULL;

CREATE TABLE epoch (
    id     INTEGER PRIMARY KEY,
    intake INTEGER NOT NULL,
    sealed BLOB    NOT NULL
) STRICT;

CREATE TABLE identity (
    hash BLOB PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blob (
    hash BLOB PRIMARY KEY,
    name BLOB    NOT NULL,
    size INTEGER NOT NULL,
    key  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_ref (
    hash BLOB    NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (hash, seq)
) STRICT, WITHOUT ROWID;
