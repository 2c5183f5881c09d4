-- Where a user's webhooks go when a notification names no URL.
CREATE TABLE webhook_endpoints (
    id                    uuid        PRIMARY KEY,
    user_id               uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    url                   text        NOT NULL,
    description           text,
    secret                text        NOT NULL,
    previous_secret       text,
    previous_secret_until timestamptz,
    enabled               boolean     NOT NULL DEFAULT true,
    disabled_reason       text,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_endpoints_previous_secret_check
        CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL))
);

COMMENT ON TABLE  webhook_endpoints                       IS 'Where a user''s webhooks go when a notification names no URL: to all that are enabled.';
COMMENT ON COLUMN webhook_endpoints.id                    IS 'UUIDv7, so that order by id is order by time.';
COMMENT ON COLUMN webhook_endpoints.user_id               IS 'Whose it is.';
COMMENT ON COLUMN webhook_endpoints.url                   IS 'Where it is: http or https, checked against the egress policy when it was set and at every delivery.';
COMMENT ON COLUMN webhook_endpoints.description           IS 'What people call it.';
COMMENT ON COLUMN webhook_endpoints.secret                IS 'Signs what is sent (Standard Webhooks). Readable, not hashed, because signing takes the secret itself: who reads this table can sign.';
COMMENT ON COLUMN webhook_endpoints.previous_secret       IS 'The one before, which signs too until previous_secret_until. Readable for the same reason.';
COMMENT ON COLUMN webhook_endpoints.previous_secret_until IS 'When the secret before stops signing.';
COMMENT ON COLUMN webhook_endpoints.enabled               IS 'Whether anything is sent there.';
COMMENT ON COLUMN webhook_endpoints.disabled_reason       IS 'Why Tidings itself disabled it; NULL where a person did.';
COMMENT ON COLUMN webhook_endpoints.created_at            IS 'When it was made.';
COMMENT ON COLUMN webhook_endpoints.updated_at            IS 'When anything of it was changed last.';

-- A user's endpoints, in their order.
CREATE INDEX webhook_endpoints_user_idx ON webhook_endpoints (user_id, id);
