-- What people do with conversations: order them, branch them, give them settings; and what an import needs.

CREATE TABLE folders (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT NOT NULL COLLATE NOCASE,
    created_at INTEGER NOT NULL,
    import_id  TEXT,
    UNIQUE (user_id, name)
) STRICT;

-- Who made the title: the first message, a model, or the user (whose title is never replaced).
ALTER TABLE conversations ADD COLUMN titled_by TEXT NOT NULL DEFAULT 'user'
    CHECK (titled_by IN ('message', 'model', 'user'));
ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN folder_id TEXT REFERENCES folders (id) ON DELETE SET NULL;
-- The last message of the path that is shown, exactly; NULL: the newest path.
ALTER TABLE conversations ADD COLUMN leaf_id TEXT;
-- Rows of an import that has not ended, or ('removed') of a conversation that was removed: nobody sees them, and they go in
-- small steps, at the next start at the latest.
ALTER TABLE conversations ADD COLUMN import_id TEXT;
-- Last, because they may be long, and lists read all that stands before them.
ALTER TABLE conversations ADD COLUMN options_json TEXT;  -- for its generations; NULL: the engine's own
ALTER TABLE conversations ADD COLUMN system_prompt TEXT; -- after the server's; NULL: none
ALTER TABLE attachments ADD COLUMN import_id TEXT;
CREATE INDEX conversations_folder ON conversations (folder_id) WHERE folder_id IS NOT NULL;
CREATE INDEX conversations_import ON conversations (import_id) WHERE import_id IS NOT NULL;
CREATE INDEX attachments_import ON attachments (import_id) WHERE import_id IS NOT NULL;

ALTER TABLE messages ADD COLUMN tool_calls_json TEXT; -- of an answer: OpenAI's array, or NULL
-- The same while it is made: all so far, in the newest flush that brought a piece of one.
ALTER TABLE generation_events ADD COLUMN tool_calls_json TEXT;

-- It is to be answered by hob alone, whenever the engine is ready: what ends before its first word waits again.
ALTER TABLE generations ADD COLUMN outbox INTEGER NOT NULL DEFAULT 0;
-- Its log was made short: few large events instead of one a token.
ALTER TABLE generations ADD COLUMN compact INTEGER NOT NULL DEFAULT 0;
CREATE INDEX generations_long ON generations (finished_at) WHERE finished_at > 0 AND compact = 0;
