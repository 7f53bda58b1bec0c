-- What a key may be used for, and how much of it; and how much an account may use. 0 is no limit, no expiry; NULL is all.
ALTER TABLE api_keys ADD COLUMN routes_json TEXT; -- array of names (auth_scope.c)
ALTER TABLE api_keys ADD COLUMN models_json TEXT; -- array of names and patterns of servers
ALTER TABLE api_keys ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0; -- Unix time, ms
ALTER TABLE api_keys ADD COLUMN requests_per_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN tokens_per_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN max_parallel INTEGER NOT NULL DEFAULT 0;

ALTER TABLE users ADD COLUMN requests_per_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN tokens_per_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN max_parallel INTEGER NOT NULL DEFAULT 0;
