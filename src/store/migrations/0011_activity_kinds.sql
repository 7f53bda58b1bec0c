-- Most of a record is said again by thousands of others: who asked for what, by which way, and how it ended. That is written
-- once, as a kind of request; a record has its number. '' is none.
-- No record of a kind has a seq above its last_seq: a kind whose last_seq is below all records is not used any more.
CREATE TABLE activity_kinds (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL, user_name TEXT NOT NULL, key_id TEXT NOT NULL, key_name TEXT NOT NULL,
    server_id TEXT NOT NULL, server_name TEXT NOT NULL, model TEXT NOT NULL, route TEXT NOT NULL,
    status INTEGER NOT NULL, code TEXT NOT NULL, is_stream INTEGER NOT NULL, client_gone INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    UNIQUE (user_id, user_name, key_id, key_name, server_id, server_name, model, route, status, code, is_stream, client_gone)
) STRICT;
INSERT INTO activity_kinds (user_id, user_name, key_id, key_name, server_id, server_name, model, route, status, code,
                            is_stream, client_gone, last_seq)
SELECT coalesce(user_id, ''), coalesce(user_name, ''), coalesce(key_id, ''), coalesce(key_name, ''),
       coalesce(server_id, ''), coalesce(server_name, ''), coalesce(model, ''), route, status, coalesce(code, ''),
       is_stream, client_gone, max(seq)
FROM activity GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12;

ALTER TABLE activity RENAME TO activity_wide;
CREATE TABLE activity (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    held_ms INTEGER NOT NULL, first_ms INTEGER, total_ms INTEGER NOT NULL,
    tokens_in INTEGER, tokens_out INTEGER, tokens_per_s REAL,
    bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL
) STRICT;
INSERT INTO activity
SELECT w.seq, w.at, k.id, w.request_id, w.held_ms, w.first_ms, w.total_ms, w.tokens_in, w.tokens_out, w.tokens_per_s,
       w.bytes_in, w.bytes_out
FROM activity_wide w JOIN activity_kinds k
  ON k.user_id = coalesce(w.user_id, '') AND k.user_name = coalesce(w.user_name, '') AND k.key_id = coalesce(w.key_id, '')
 AND k.key_name = coalesce(w.key_name, '') AND k.server_id = coalesce(w.server_id, '')
 AND k.server_name = coalesce(w.server_name, '') AND k.model = coalesce(w.model, '') AND k.route = w.route
 AND k.status = w.status AND k.code = coalesce(w.code, '') AND k.is_stream = w.is_stream AND k.client_gone = w.client_gone
ORDER BY w.seq;
DROP TABLE activity_wide;
CREATE INDEX activity_at ON activity (at) WHERE seq % 64 = 0;
CREATE INDEX activity_kinds_last ON activity_kinds (last_seq);
