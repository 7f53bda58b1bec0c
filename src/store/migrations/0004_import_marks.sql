-- Attachments of an import that has not ended. A table of its own: a change of a column would write all their bytes again.
CREATE TABLE attachment_imports (
    attachment_id TEXT PRIMARY KEY REFERENCES attachments (id) ON DELETE CASCADE,
    import_id     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_imports_import ON attachment_imports (import_id);
INSERT INTO attachment_imports SELECT id, import_id FROM attachments WHERE import_id IS NOT NULL;
DROP INDEX attachments_import;
ALTER TABLE attachments DROP COLUMN import_id;
