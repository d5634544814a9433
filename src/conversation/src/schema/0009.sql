-- Version 9. Who wrote what of a turn whose messages were looked at again while it waited: with one of several that was deleted or
-- changed it says something else than they did. JSON; NULL where it says what they said.

ALTER TABLE turns ADD COLUMN spoken TEXT;
