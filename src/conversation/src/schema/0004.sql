-- Version 4. A login that nobody waits for any more is over: what became of it takes the place of whether it was done. Those
-- that wait die with their host, as other questions do.

UPDATE items SET
    unfinished = NOT json_extract(body, '$.done'),
    body = json_set(json_remove(body, '$.done'), '$.ended', iif(json_extract(body, '$.done'), 'done', NULL))
    WHERE body LIKE '{"item":"login",%' AND json_valid(body) AND json_type(body, '$.done') IS NOT NULL;
