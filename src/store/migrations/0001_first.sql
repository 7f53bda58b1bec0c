-- Ids are UUID text, times milliseconds since the epoch. `seq` is the order of creation.

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL COLLATE NOCASE UNIQUE,
    role          TEXT NOT NULL CHECK (role IN ('admin', 'user')),
    status        TEXT NOT NULL CHECK (status IN ('active', 'pending', 'disabled')),
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id_hash    TEXT PRIMARY KEY, -- hex SHA-256 of the cookie
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    prefix       TEXT NOT NULL,        -- the part that people may see
    key_hash     TEXT NOT NULL UNIQUE, -- hex SHA-256
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX api_keys_user ON api_keys (user_id);

CREATE TABLE servers (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL COLLATE NOCASE UNIQUE,
    kind          TEXT NOT NULL,
    model_path    TEXT,
    command_json  TEXT,
    args_json     TEXT NOT NULL,
    system_prompt TEXT NOT NULL,
    on_demand     INTEGER NOT NULL,
    autostart     INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    last_load_ms  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- server_id here and below is no reference: what a removed server wrote stays.
CREATE TABLE conversations (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title      TEXT NOT NULL,
    server_id  TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX conversations_user ON conversations (user_id, updated_at);

CREATE TABLE messages (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id       TEXT, -- in the same conversation
    role            TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    state           TEXT NOT NULL, -- user: queued, pending, answered; assistant: '', its generations have it
    server_id       TEXT,
    created_at      INTEGER NOT NULL,
    reasoning       TEXT,
    content_json    TEXT NOT NULL
) STRICT;
CREATE INDEX messages_conversation ON messages (conversation_id, seq);
CREATE INDEX messages_parent ON messages (parent_id);

CREATE TABLE generations (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    message_id      TEXT NOT NULL, -- the user's message
    answer_id       TEXT NOT NULL, -- the assistant's; its row goes when it stayed empty
    server_id       TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    state           TEXT NOT NULL
        CHECK (state IN ('queued', 'connecting', 'streaming', 'done', 'stopped', 'interrupted', 'failed')),
    options_json    TEXT,
    error_json      TEXT,
    meta_json       TEXT,
    continues       INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    finished_at     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX generations_conversation ON generations (conversation_id);
CREATE INDEX generations_message ON generations (message_id);
CREATE INDEX generations_answer ON generations (answer_id);
CREATE INDEX generations_open ON generations (conversation_id) WHERE finished_at = 0;

-- The log of a generation, one row a flush.
CREATE TABLE generation_events (
    generation INTEGER NOT NULL REFERENCES generations (seq) ON DELETE CASCADE,
    first_seq  INTEGER NOT NULL,
    last_seq   INTEGER NOT NULL CHECK (last_seq >= first_seq),
    content    TEXT NOT NULL, -- text that these events add to the answer
    reasoning  TEXT NOT NULL,
    frames     TEXT NOT NULL, -- as they are sent: "id: N\ndata: ...\n\n"
    PRIMARY KEY (generation, first_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE attachments (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    mime       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    bytes      BLOB NOT NULL,
    UNIQUE (user_id, sha256)
) STRICT;
