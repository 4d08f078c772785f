-- The log of an archive. docs/format.md explains every column.
-- Nothing here is content, and nothing can be read without the ring. Numbers of
-- frames, keys and epochs are never given twice: other processes remember what
-- they have read under them.

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
    slot       INTEGER NOT NULL,
    booked     INTEGER           -- 1: found by itself, without reading the others
) STRICT;
CREATE INDEX entry_booked ON entry (seq) WHERE booked = 1;

CREATE TABLE frame (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    key    INTEGER NOT NULL REFERENCES key (id),
    n      INTEGER NOT NULL,
    sealed BLOB    NOT NULL
) STRICT;
CREATE INDEX frame_key ON frame (key);

CREATE TABLE tile (
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    hashes BLOB    NOT NULL,
    PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE key (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch   INTEGER REFERENCES epoch (id),
    block   INTEGER REFERENCES block (id),
    wrapped BLOB NOT NULL,
    CHECK ((epoch IS NULL) <> (block IS NULL))
) STRICT;
CREATE INDEX key_epoch ON key (epoch) WHERE epoch IS NOT NULL;
CREATE INDEX key_block ON key (block) WHERE block IS NOT NULL;

-- The blocks of the keyring. A row that is gone takes no new key: only then may
-- its key be destroyed.
CREATE TABLE block (
    id INTEGER PRIMARY KEY
) STRICT;

-- Public halves of the intake keys. A row that is gone takes no new epoch:
-- only then may its private half be destroyed.
CREATE TABLE intake (
    id     INTEGER PRIMARY KEY,
    public BLOB NOT NULL
) STRICT;

CREATE TABLE epoch (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    intake INTEGER NOT NULL REFERENCES intake (id),
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
    key  INTEGER NOT NULL REFERENCES key (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_ref (
    hash BLOB    NOT NULL REFERENCES blob (hash),
    seq  INTEGER NOT NULL,
    PRIMARY KEY (hash, seq)
) STRICT, WITHOUT ROWID;

-- What became of the blobs that the last disposal took a reference from: one
-- is spared while another record names it.
CREATE TABLE disposed_blob (
    disposal INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    spared   INTEGER NOT NULL,
    PRIMARY KEY (disposal, hash)
) STRICT, WITHOUT ROWID;
