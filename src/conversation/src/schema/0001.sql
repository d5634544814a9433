-- Version 1. Times are milliseconds since the epoch, states are words, ids of turns are never used again.

CREATE TABLE threads (
    id       TEXT PRIMARY KEY,
    owner    TEXT NOT NULL,
    title    TEXT NOT NULL,
    agent    TEXT NOT NULL,
    model    TEXT,
    dispatch TEXT NOT NULL CHECK (dispatch IN ('queue', 'steer', 'interrupt')),
    session  TEXT,
    created  INTEGER NOT NULL,
    active   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE turns (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    thread   TEXT NOT NULL REFERENCES threads (id),
    source   TEXT NOT NULL,
    -- The turn that this one repeats; 0 for none. Part of the key, so that no chat can name a message like a retry.
    retry_of INTEGER NOT NULL DEFAULT 0,
    author   TEXT NOT NULL,
    name     TEXT NOT NULL,
    text     TEXT NOT NULL,
    files    TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'stopped', 'cut')),
    reason   TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    created  INTEGER NOT NULL,
    started  INTEGER,
    ended    INTEGER,
    -- 1: cut at a start of the host, and no note in the timeline says so yet.
    untold   INTEGER NOT NULL DEFAULT 0,
    UNIQUE (thread, source, retry_of),
    CHECK ((ended IS NULL) = (state IN ('queued', 'running'))),
    CHECK (state <> 'running' OR started IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX turns_running ON turns (thread) WHERE state = 'running';
CREATE INDEX turns_queued ON turns (thread, id) WHERE state = 'queued';
CREATE INDEX turns_ended ON turns (thread, ended, id) WHERE ended IS NOT NULL;
CREATE UNIQUE INDEX turns_retry ON turns (retry_of) WHERE retry_of <> 0;
CREATE INDEX turns_untold ON turns (id) WHERE untold = 1;

CREATE TABLE items (
    id         INTEGER PRIMARY KEY,
    thread     TEXT NOT NULL REFERENCES threads (id),
    turn       INTEGER REFERENCES turns (id),
    at         INTEGER NOT NULL,
    -- 1: a call that runs, or a question that nobody has answered; no such thing outlives its host.
    unfinished INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;

CREATE INDEX items_thread ON items (thread, id);
CREATE INDEX items_unfinished ON items (id) WHERE unfinished = 1;

CREATE TABLE deliveries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    thread     TEXT NOT NULL REFERENCES threads (id),
    -- 0 for words that belong to no turn: NULL would not be unique.
    turn       INTEGER NOT NULL,
    part       INTEGER NOT NULL,
    hash       TEXT NOT NULL,
    text       TEXT,
    state      TEXT NOT NULL
               CHECK (state IN ('pending', 'sent', 'uncertain', 'delivered', 'needs_attention', 'given_up')),
    tries      INTEGER NOT NULL DEFAULT 0,
    next_try   INTEGER NOT NULL,
    claimed    INTEGER,
    lease      INTEGER,
    doubt      INTEGER,
    remote     TEXT,
    reason     TEXT,
    created    INTEGER NOT NULL,
    ended      INTEGER,
    UNIQUE (thread, turn, part, hash),
    CHECK ((text IS NULL) = (state IN ('delivered', 'given_up'))),
    CHECK ((ended IS NULL) = (text IS NOT NULL)),
    CHECK ((lease IS NULL) = (state <> 'sent'))
) STRICT;

CREATE INDEX deliveries_due ON deliveries (next_try, id) WHERE state IN ('pending', 'uncertain');
CREATE INDEX deliveries_open ON deliveries (thread, id) WHERE state IN ('pending', 'sent', 'uncertain');
CREATE INDEX deliveries_sent ON deliveries (lease) WHERE state = 'sent';
CREATE INDEX deliveries_stuck ON deliveries (id) WHERE state = 'needs_attention';
