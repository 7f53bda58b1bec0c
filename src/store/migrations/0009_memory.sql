-- What a server's engine has needed so far, in bytes; 0: not measured since its configuration was changed.
ALTER TABLE servers ADD COLUMN footprint_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN footprint_fixed_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN footprint_gpu_bytes INTEGER NOT NULL DEFAULT 0;

-- Settings of hob itself, one JSON object for each part of it.
CREATE TABLE settings (
    key        TEXT PRIMARY KEY,
    value_json TEXT NOT NULL
) STRICT;
