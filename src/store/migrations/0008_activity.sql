-- What became of each request. Names are kept as they were: accounts, keys and servers come and go.
-- seq is the order in which requests ended; at is when that was (ms).
CREATE TABLE activity (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    user_id TEXT, user_name TEXT, key_id TEXT, key_name TEXT,
    server_id TEXT, server_name TEXT, model TEXT,
    route TEXT NOT NULL,
    status INTEGER NOT NULL,
    code TEXT,
    is_stream INTEGER NOT NULL, client_gone INTEGER NOT NULL,
    held_ms INTEGER NOT NULL, first_ms INTEGER, total_ms INTEGER NOT NULL,
    tokens_in INTEGER, tokens_out INTEGER, tokens_per_s REAL,
    bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL
) STRICT;
CREATE INDEX activity_at ON activity (at);
CREATE INDEX activity_user ON activity (user_id, seq);
