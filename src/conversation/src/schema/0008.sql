-- Version 8. The model that answered a turn, for people: what is chosen afterwards changes nothing about it.

ALTER TABLE turns ADD COLUMN model TEXT;
