-- Full-text search. The tokenizer "hob" is in store_fts.c, the function content_text in store_functions.c: a program without
-- them can read all tables but these two, and cannot change messages or titles. Column `scope` has the ids (without hyphens)
-- that narrow a search: the user's and, for messages, the conversation's; an index of its own, so that what others wrote
-- costs a search nothing.

-- What is searched of a message: its text; not its reasoning, not its images. The rest of a very long one is left out.
CREATE VIEW message_texts (seq, scope, text) AS
SELECT m.seq, replace(c.user_id, '-', '') || ' ' || replace(c.id, '-', ''),
       substr(content_text(m.content_json), 1, 250000)
FROM messages m JOIN conversations c ON c.id = m.conversation_id
WHERE m.content_json <> '""'; -- an answer that is being written

CREATE VIRTUAL TABLE message_search USING fts5 (
    scope, text,
    content = 'message_texts', content_rowid = 'seq', tokenize = 'hob', prefix = '1 2 3', columnsize = 0
);

-- An index over another table's text must be told the old text when that changes, so it is taken from the view before.
CREATE TRIGGER messages_index AFTER INSERT ON messages BEGIN
    INSERT INTO message_search (rowid, scope, text) SELECT seq, scope, text FROM message_texts WHERE seq = new.seq;
END;
CREATE TRIGGER messages_reindex_old BEFORE UPDATE OF content_json ON messages
WHEN old.content_json <> new.content_json BEGIN
    INSERT INTO message_search (message_search, rowid, scope, text)
    SELECT 'delete', seq, scope, text FROM message_texts WHERE seq = old.seq;
END;
CREATE TRIGGER messages_reindex_new AFTER UPDATE OF content_json ON messages
WHEN old.content_json <> new.content_json BEGIN
    INSERT INTO message_search (rowid, scope, text) SELECT seq, scope, text FROM message_texts WHERE seq = new.seq;
END;
CREATE TRIGGER messages_unindex BEFORE DELETE ON messages BEGIN
    INSERT INTO message_search (message_search, rowid, scope, text)
    SELECT 'delete', seq, scope, text FROM message_texts WHERE seq = old.seq;
END;

-- Titles. conversations has no row number that stays (VACUUM gives new ones), so they get one here.
CREATE TABLE title_rows (
    seq             INTEGER PRIMARY KEY,
    conversation_id TEXT NOT NULL UNIQUE REFERENCES conversations (id) ON DELETE CASCADE
) STRICT;
CREATE VIEW title_texts (seq, scope, text) AS
SELECT t.seq, replace(c.user_id, '-', ''), c.title
FROM title_rows t JOIN conversations c ON c.id = t.conversation_id;

CREATE VIRTUAL TABLE title_search USING fts5 (
    scope, text,
    content = 'title_texts', content_rowid = 'seq', tokenize = 'hob', prefix = '1 2 3', columnsize = 0
);

CREATE TRIGGER titles_index AFTER INSERT ON conversations BEGIN
    INSERT INTO title_rows (conversation_id) VALUES (new.id);
    INSERT INTO title_search (rowid, scope, text)
    SELECT seq, scope, text FROM title_texts WHERE seq = (SELECT seq FROM title_rows WHERE conversation_id = new.id);
END;
CREATE TRIGGER titles_reindex_old BEFORE UPDATE OF title ON conversations WHEN old.title <> new.title BEGIN
    INSERT INTO title_search (title_search, rowid, scope, text)
    SELECT 'delete', seq, scope, text FROM title_texts
    WHERE seq = (SELECT seq FROM title_rows WHERE conversation_id = old.id);
END;
CREATE TRIGGER titles_reindex_new AFTER UPDATE OF title ON conversations WHEN old.title <> new.title BEGIN
    INSERT INTO title_search (rowid, scope, text)
    SELECT seq, scope, text FROM title_texts WHERE seq = (SELECT seq FROM title_rows WHERE conversation_id = new.id);
END;
-- A cascade would remove the messages after their conversation, when nobody knows any more whose they were.
CREATE TRIGGER conversations_unindex BEFORE DELETE ON conversations BEGIN
    DELETE FROM messages WHERE conversation_id = old.id;
    INSERT INTO title_search (title_search, rowid, scope, text)
    SELECT 'delete', seq, scope, text FROM title_texts
    WHERE seq = (SELECT seq FROM title_rows WHERE conversation_id = old.id);
END;

-- What was there before.
INSERT INTO title_rows (conversation_id) SELECT id FROM conversations ORDER BY created_at, rowid;
INSERT INTO title_search (title_search) VALUES ('rebuild');
INSERT INTO message_search (message_search) VALUES ('rebuild');
