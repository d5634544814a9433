-- Version 6. The mode in which a thread's agent works, by the agent's name of it.

ALTER TABLE threads ADD COLUMN mode TEXT;
