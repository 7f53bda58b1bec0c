-- Which messages name an attachment, and until when one is kept that none names: it may stand in a draft that a browser
-- keeps. Function content_attachments: store_functions.c. Tables of their own, as 0004 says.
CREATE TABLE attachment_uses (
    message       INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE,
    attachment_id TEXT NOT NULL REFERENCES attachments (id) ON DELETE CASCADE,
    PRIMARY KEY (message, attachment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_uses_attachment ON attachment_uses (attachment_id);
CREATE TABLE attachment_holds (
    attachment_id TEXT PRIMARY KEY REFERENCES attachments (id) ON DELETE CASCADE,
    until         INTEGER NOT NULL -- Unix time, ms
) STRICT, WITHOUT ROWID;

CREATE TRIGGER messages_use AFTER INSERT ON messages WHEN new.content_json LIKE '[%' BEGIN
    INSERT OR IGNORE INTO attachment_uses (message, attachment_id)
    SELECT new.seq, a.id FROM json_each(content_attachments(new.content_json)) j JOIN attachments a ON a.id = j.value;
END;
CREATE TRIGGER messages_use_again AFTER UPDATE OF content_json ON messages
WHEN old.content_json <> new.content_json AND (old.content_json LIKE '[%' OR new.content_json LIKE '[%') BEGIN
    DELETE FROM attachment_uses WHERE message = new.seq;
    INSERT OR IGNORE INTO attachment_uses (message, attachment_id)
    SELECT new.seq, a.id FROM json_each(content_attachments(new.content_json)) j JOIN attachments a ON a.id = j.value;
END;

-- What was there before.
INSERT OR IGNORE INTO attachment_uses (message, attachment_id)
SELECT m.seq, a.id FROM messages m, json_each(content_attachments(m.content_json)) j JOIN attachments a ON a.id = j.value
WHERE m.content_json LIKE '[%';
INSERT INTO attachment_holds (attachment_id, until)
SELECT id, CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 30 * 86400000 FROM attachments;
