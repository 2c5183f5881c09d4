-- Which recurring schedules use a template.
SET LOCAL lock_timeout = '5s';
CREATE INDEX IF NOT EXISTS schedules_template_idx ON schedules (template_name, id) WHERE template_name IS NOT NULL;
