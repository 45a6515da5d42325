-- Schema 3: full-text search. What these tables hold can be made from the log at any time, and what is in the log and
-- not yet here is searched in the log itself: see docs/decisions/search.md.

-- Terms of messages. Only proposes: it has no positions, keeps no text and forgets nothing.
CREATE VIRTUAL TABLE search_terms USING fts5 (
    terms, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);
-- Fewer merges of what is written in large steps anyway.
INSERT INTO search_terms (search_terms, rank) VALUES ('automerge', 8);

-- Which message a row of search_terms is about. Ids go by time: `at` in milliseconds × 2^20, and a number that tells
-- messages of the same millisecond apart.
CREATE TABLE search_rows (
    id           INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    seq          INTEGER NOT NULL
) STRICT;

-- How far each log is indexed; not at all without a row.
CREATE TABLE search_logs (
    conversation INTEGER PRIMARY KEY,
    seq          INTEGER NOT NULL
) STRICT;

-- All logs whose (conversations.changed, id) is up to this are indexed to their heads.
CREATE TABLE search_state (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    changed      INTEGER NOT NULL,
    conversation INTEGER NOT NULL
) STRICT;
INSERT INTO search_state VALUES (1, 0, 0);
