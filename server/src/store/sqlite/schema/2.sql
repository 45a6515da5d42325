-- Schema 2: nodes learn that somebody is called something else.

ALTER TABLE users ADD COLUMN renamed INTEGER; -- position of the last new display name
CREATE INDEX users_by_renamed ON users (renamed) WHERE renamed IS NOT NULL;
