-- What is known of the index itself: how far it has followed, and with what.
CREATE TABLE state (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- One capture. again lists, as JSON, the captures that saw its items again;
-- reading is the key of the reader that these make together.
CREATE TABLE capture (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, head BLOB NOT NULL,
    summary BLOB, ended INTEGER, again TEXT NOT NULL DEFAULT '[]', reading TEXT NOT NULL
);

-- ref is the name under which the chat is shown; see ref.go.
CREATE TABLE chat (
    id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, account TEXT NOT NULL, custodian TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0, first INTEGER, last INTEGER, first_local TEXT, last_local TEXT
);
CREATE INDEX chat_last ON chat (last, id);
CREATE INDEX chat_name ON chat (account, custodian, name);

-- WhatsApp's addresses of a chat, where a source has them: a phone's, a LID, a
-- group's.
CREATE TABLE address (account TEXT, custodian TEXT, jid TEXT, chat INTEGER NOT NULL, PRIMARY KEY (account, custodian, jid)) WITHOUT ROWID;

-- Names under which sources without addresses know a chat that has some.
CREATE TABLE alias (account TEXT, custodian TEXT, name TEXT, chat INTEGER NOT NULL, PRIMARY KEY (account, custodian, name)) WITHOUT ROWID;

-- Every name under which a chat was ever known: links that were made before two
-- chats became one still lead to it.
CREATE TABLE ref (ref TEXT PRIMARY KEY, chat INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX ref_chat ON ref (chat);

-- The custodians of messages.
CREATE TABLE custodian (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- What the acts of the books put on messages: kind is l for a label, m for a
-- matter, id its number, seq any of the message's records.
CREATE TABLE mark (seq INTEGER, kind TEXT, id INTEGER, PRIMARY KEY (seq, kind, id)) WITHOUT ROWID;

-- Whoever sent something; ident is the fields of the identity, one a line.
CREATE TABLE person (id INTEGER PRIMARY KEY, ident TEXT NOT NULL UNIQUE);
CREATE TABLE member (chat INTEGER, person INTEGER, messages INTEGER NOT NULL, PRIMARY KEY (chat, person)) WITHOUT ROWID;

-- One message. id is the local time and a tie-breaker (see allot), ord its
-- place in the chat where that is not id, more is 1 where it has sightings, who
-- its custodian when it was sent, zone its offset from UTC (see facts.go).
CREATE TABLE message (
    id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, chat INTEGER NOT NULL, cap INTEGER NOT NULL, ord INTEGER, more INTEGER, who INTEGER, zone INTEGER
);
CREATE UNIQUE INDEX message_seq ON message (seq);
CREATE INDEX message_place ON message (chat, ifnull(ord, id));

-- Messages by WhatsApp's own key: k is a hash of it, seq the message's.
CREATE TABLE key (k INTEGER, seq INTEGER, PRIMARY KEY (k, seq)) WITHOUT ROWID;

-- Messages by the content of their attachments: k is the beginning of its hash.
CREATE TABLE file (k INTEGER, seq INTEGER, PRIMARY KEY (k, seq)) WITHOUT ROWID;

-- Further records of a message: "of" is the first.
CREATE TABLE sighting (seq INTEGER PRIMARY KEY, of INTEGER NOT NULL, cap INTEGER NOT NULL);
CREATE INDEX sighting_of ON sighting (of);

-- Where a capture stands in each chat: its last place, and what put keeps.
CREATE TABLE course (
    cap INTEGER, chat INTEGER, ord INTEGER NOT NULL, at INTEGER NOT NULL, messages INTEGER NOT NULL,
    base INTEGER NOT NULL, ahead INTEGER NOT NULL, behind INTEGER NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (cap, chat)
) WITHOUT ROWID;

-- The audit trail: acts, traces, disposals, certificates and captures, as far
-- as that finds them; what they say is read from the log. See audit.go.
CREATE TABLE act_name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE act (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, name INTEGER NOT NULL, by TEXT NOT NULL, refused INTEGER);
CREATE INDEX act_at ON act (at);
CREATE INDEX act_named ON act (name);
CREATE INDEX act_by ON act (by, name);
CREATE INDEX act_refused ON act (refused) WHERE refused = 1;
CREATE TABLE act_on (object TEXT, seq INTEGER, PRIMARY KEY (object, seq)) WITHOUT ROWID;
CREATE VIRTUAL TABLE said USING fts5 (t, content='', columnsize=0, tokenize="ascii tokenchars '=#'");
CREATE VIRTUAL TABLE heard USING fts5vocab (said, instance);

-- Tokens that are taken out stand in another row still: a message was read
-- anew, or became a sighting. So FTS5's secure-delete, which searches the file
-- for each of them, is for those who dispose of words.
CREATE VIRTUAL TABLE fts USING fts5 (t, content='', columnsize=0, tokenize="ascii tokenchars '=#'");
CREATE VIRTUAL TABLE vocab USING fts5vocab (fts, row);
INSERT INTO fts (fts, rank) VALUES ('hashsize', 16777216);
