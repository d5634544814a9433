-- Version 2. Entries are shown before they are written: an id that is in no row may be known to a page all the same.

CREATE TABLE item_ids (
    -- No id up to this one is given out again; raised by a block at every opening, before the first is given out.
    used INTEGER NOT NULL
) STRICT;

INSERT INTO item_ids (used) SELECT coalesce(max(id), 0) FROM items;
