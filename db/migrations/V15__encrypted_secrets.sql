-- The columns of signing secrets hold encrypted secrets too. Their type stays: an encrypted secret is a text that begins with
-- its algorithm, and a readable one begins with whsec_.
COMMENT ON COLUMN webhook_endpoints.secret IS 'Signs what is sent (Standard Webhooks). Encrypted under a key of SECRETS_KEY: aes-256-gcm:<name of the key>:<base64 of nonce, ciphertext and tag>, bound to this row''s id. Readable if it was set without SECRETS_KEY; `tidings secrets rotate` encrypts it.';
COMMENT ON COLUMN webhook_endpoints.previous_secret IS 'The one before, which signs too until previous_secret_until. In the same form.';
