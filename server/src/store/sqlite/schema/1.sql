-- Schema 1. Times are milliseconds since 1970. A *position* is a value of `meta.position`: the number of the
-- commit that wrote the row last, for Store::follow and Store::resume.

-- One row: the history's identity, the last commit position that was given out, and, where commits are not on the
-- disk when they are answered, the boot of the machine that may lose them.
CREATE TABLE meta (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    epoch    BLOB    NOT NULL,
    position INTEGER NOT NULL,
    boot     TEXT
) STRICT;

CREATE TABLE users (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    name         TEXT    NOT NULL UNIQUE,           -- lower case
    display_name TEXT    NOT NULL,
    folded       TEXT    NOT NULL,                  -- display_name in lower case: SQLite folds ASCII only
    password     TEXT    NOT NULL,
    admin        INTEGER NOT NULL DEFAULT 0,
    disabled     INTEGER NOT NULL DEFAULT 0,
    created      INTEGER NOT NULL,
    last_seen    INTEGER
) STRICT;
CREATE INDEX users_by_folded ON users (folded);

CREATE TABLE conversations (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         TEXT    NOT NULL CHECK (kind IN ('direct', 'group')),
    name         TEXT,                       -- of a group
    owner        INTEGER REFERENCES users,   -- of a group
    created      INTEGER NOT NULL,
    head         INTEGER NOT NULL DEFAULT 0, -- highest seq
    members_at   INTEGER NOT NULL DEFAULT 0, -- seq of the last change to who is in it
    last_message INTEGER NOT NULL DEFAULT 0, -- seq of the last message
    messages     INTEGER NOT NULL DEFAULT 0, -- how many messages there are
    changed      INTEGER NOT NULL,           -- position of the last change, or of its making
    touched      INTEGER NOT NULL            -- position of the last thing that a member's device should learn of
) STRICT;
CREATE INDEX conversations_by_changed ON conversations (changed);

CREATE TABLE direct_pairs (
    low          INTEGER NOT NULL REFERENCES users,
    high         INTEGER NOT NULL REFERENCES users,
    conversation INTEGER NOT NULL REFERENCES conversations,
    PRIMARY KEY (low, high),
    CHECK (low < high)
) STRICT, WITHOUT ROWID;

-- Who is in a conversation, and, with `left` set, who was: a device that slept must learn that it is out.
--
-- What a member has not read is counted without reading the log:
--     conversations.messages - own - counted
CREATE TABLE members (
    conversation INTEGER NOT NULL REFERENCES conversations,
    user         INTEGER NOT NULL REFERENCES users,
    since        INTEGER NOT NULL,           -- first seq they may see
    delivered    INTEGER NOT NULL,
    read         INTEGER NOT NULL,
    own          INTEGER NOT NULL DEFAULT 0, -- messages they posted since they joined
    counted      INTEGER NOT NULL,           -- messages before `since`, and by others at or below `read`
    moved        INTEGER,                    -- position of the last move of a cursor
    left         INTEGER,                    -- position of their leaving
    PRIMARY KEY (conversation, user),
    CHECK (read <= delivered)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user, left);
CREATE INDEX members_by_moved ON members (moved) WHERE moved IS NOT NULL;

-- The log. No foreign keys here: append has just read the conversation and the member it writes for, and
-- looking them up again would be a quarter of its cost.
CREATE TABLE changes (
    conversation INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    author       INTEGER NOT NULL,
    key          BLOB,
    text         TEXT, -- of a message; NULL for anything else
    event        TEXT, -- anything else: a ChangeBody as JSON
    PRIMARY KEY (conversation, seq),
    CHECK ((text IS NULL) <> (event IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX changes_by_key ON changes (key) WHERE key IS NOT NULL;

CREATE TABLE sessions (
    id        BLOB    PRIMARY KEY,
    user      INTEGER NOT NULL REFERENCES users,
    token     BLOB    NOT NULL UNIQUE, -- SHA-256 of it
    device    TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    ended     INTEGER                  -- position of its end, where it was ended
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_expires ON sessions (expires);
CREATE INDEX sessions_by_ended ON sessions (ended) WHERE ended IS NOT NULL;

CREATE TABLE tokens (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    user      INTEGER NOT NULL REFERENCES users,
    token     BLOB    NOT NULL UNIQUE, -- SHA-256 of it
    label     TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    last_used INTEGER,
    ended     INTEGER                  -- position of its revocation
) STRICT;
CREATE INDEX tokens_by_user ON tokens (user);
CREATE INDEX tokens_by_ended ON tokens (ended) WHERE ended IS NOT NULL;

CREATE TABLE invites (
    invite  BLOB    PRIMARY KEY, -- SHA-256 of its secret
    author  INTEGER NOT NULL REFERENCES users,
    uses    INTEGER NOT NULL,    -- how many are left
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
