-- Version 7. What an agent used in its session before it was told to use something else: what it goes back to.

ALTER TABLE threads ADD COLUMN own_model TEXT;
ALTER TABLE threads ADD COLUMN own_mode TEXT;
