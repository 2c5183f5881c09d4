-- The API stores e-mail addresses in lower case, so that no user can take the address of another one in another
-- spelling. Changes the addresses that were stored before, except those that two users have in different spellings, and
-- those with other letters than ASCII, whose normal form only the API knows.
UPDATE users SET email = lower(email)
WHERE email <> lower(email)
  AND email ~ '^[\x01-\x7f]+$'
  AND NOT EXISTS (
      SELECT FROM users AS other WHERE other.id <> users.id AND lower(other.email) = lower(users.email)
  );
