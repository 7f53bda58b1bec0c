-- What of a server's configuration only the gateway reads: one JSON object (gateway_settings.c).
ALTER TABLE servers ADD COLUMN settings_json TEXT NOT NULL DEFAULT '{}';
