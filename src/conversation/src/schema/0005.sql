-- Version 5. What may be done in a thread without asking again. What it is and who said so stands in the entry that asked.

CREATE TABLE grants (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    thread TEXT NOT NULL REFERENCES threads (id),
    -- SHA-256 of what calls alike have in common.
    likeness BLOB NOT NULL,
    -- The entry that asked.
    item   INTEGER NOT NULL REFERENCES items (id),
    at     INTEGER NOT NULL,
    -- 1: the agent remembers it itself, so nobody else can take it back.
    theirs INTEGER NOT NULL CHECK (theirs IN (0, 1)),
    UNIQUE (thread, theirs, likeness)
) STRICT;
