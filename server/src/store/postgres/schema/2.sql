-- Schema 2: full-text search. What these tables hold can be made from the log at any time, and what is in the log and
-- not yet here is searched in the log itself: see docs/decisions/search.md.

-- Terms of messages: no positions, and the conversation as a term of its own.
CREATE TABLE search_terms (
    conversation bigint   NOT NULL,
    seq          bigint   NOT NULL,
    at           bigint   NOT NULL,
    terms        tsvector NOT NULL,
    PRIMARY KEY (conversation, seq)
);
CREATE INDEX search_terms_by_terms ON search_terms USING gin (terms);

-- How far each log is indexed; not at all without a row.
CREATE TABLE search_logs (
    conversation bigint PRIMARY KEY,
    seq          bigint NOT NULL
);
