-- Version 3. What is set for a thread besides its agent's own: where its workspace is made (a path, as the system has it),
-- and what happens before a tool changes something.

ALTER TABLE threads ADD COLUMN workspaces BLOB;
ALTER TABLE threads ADD COLUMN permissions TEXT CHECK (permissions IN ('ask', 'allow', 'deny'));

CREATE INDEX deliveries_stuck_of ON deliveries (thread) WHERE state = 'needs_attention';
