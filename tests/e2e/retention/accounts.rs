//! What belongs to accounts is deleted once nothing needs it.

use serde_json::json;
use tidings_tests::World;

use super::{execute, tidings};

/// Rows named by a byte: those that go have an odd one.
const ROWS: &str = "
    INSERT INTO sessions (id, user_id, seed, created_at, expires_at, ended_at, end_reason)
    SELECT gen_random_uuid(), (SELECT id FROM users LIMIT 1), decode(repeat(lpad(to_hex(n), 2, '0'), 32), 'hex'),
           now() - created, now() - expired, now() - ended, CASE WHEN ended IS NOT NULL THEN 'logout' END
    FROM (VALUES (1, interval '91 days', interval '-9 days', interval '25 hours'),
                 -- Its access tokens may not have expired.
                 (2, '91 days', '-9 days', '19 minutes'),
                 -- Its device is known.
                 (4, '89 days', '-1 day', '88 days'),
                 (6, '89 days', '80 days', NULL),
                 (3, '91 days', '25 hours', NULL),
                 -- A long session.
                 (8, '200 days', '-1 day', NULL),
                 (10, '91 days', '23 hours', NULL)) AS rows (n, created, expired, ended);
    INSERT INTO contact_codes (id, user_id, contact, address, code, created_at, expires_at)
    SELECT gen_random_uuid(), (SELECT id FROM users LIMIT 1), 'email', decode(lpad(to_hex(n), 2, '0'), 'hex'), 'code',
           now() - expired, now() - expired
    FROM (VALUES (1, interval '25 hours'), (2, '23 hours'), (4, '-10 minutes')) AS rows (n, expired);
    INSERT INTO password_resets (id, user_id, token, expires_at, used_at)
    SELECT gen_random_uuid(), (SELECT id FROM users LIMIT 1), decode(lpad(to_hex(n), 2, '0'), 'hex'), now() - expired, used
    FROM (VALUES (1, interval '25 hours', now()), (3, '25 hours', NULL), (2, '23 hours', now()), (4, '-1 hour', NULL))
        AS rows (n, expired, used);
    INSERT INTO invites (id, token, email, created_by, expires_at)
    SELECT gen_random_uuid(), decode(lpad(to_hex(n), 2, '0'), 'hex'), 'anna@example.com', 'test', now() - expired
    FROM (VALUES (1, interval '25 hours'), (2, '23 hours'), (4, '-7 days')) AS rows (n, expired);
    INSERT INTO dashboard_sessions (id, token, created_by, role, scopes, created_at, expires_at, ended_at, end_reason)
    SELECT gen_random_uuid(), decode(repeat(lpad(to_hex(n), 2, '0'), 32), 'hex'), 'tests', 'viewer', '{}',
           now() - created, now() - created + interval '1 day', now() - created, 'logout'
    FROM (VALUES (1, interval '91 days'), (2, '89 days')) AS rows (n, created);
    INSERT INTO dashboard_links (id, token, role, created_by, expires_at)
    SELECT gen_random_uuid(), decode(repeat(lpad(to_hex(n), 2, '0'), 32), 'hex'), 'viewer', 'tests', now() - expired
    FROM (VALUES (1, interval '25 hours'), (2, '23 hours')) AS rows (n, expired)";

const KEPT: &str = "SELECT concat_ws(' ',
    (SELECT string_agg(get_byte(seed, 0)::text, ',' ORDER BY get_byte(seed, 0)) FROM sessions),
    (SELECT string_agg(get_byte(address, 0)::text, ',' ORDER BY address) FROM contact_codes),
    (SELECT string_agg(get_byte(token, 0)::text, ',' ORDER BY token) FROM password_resets),
    (SELECT string_agg(get_byte(token, 0)::text, ',' ORDER BY token) FROM invites),
    (SELECT string_agg(get_byte(token, 0)::text, ',' ORDER BY token) FROM dashboard_sessions),
    (SELECT string_agg(get_byte(token, 0)::text, ',' ORDER BY token) FROM dashboard_links))";

#[tokio::test]
async fn ended_sessions_codes_tokens_and_invitations_are_deleted_once_nothing_needs_them() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    execute(&world.database, ROWS).await;
    let kept = async || -> String {
        let pool = &world.database.pool;
        let row = pool.run(async |client| Ok(client.query_one(KEPT, &[]).await?));
        row.await.expect("the query").get(0)
    };
    let all = kept().await;
    for (arguments, expected) in [
        (&["retention", "run", "--dry-run"][..], all.as_str()),
        (&["retention", "run"], "2,4,6,8,10 2,4 2,4 2,4 2 2"),
    ] {
        let (code, report) = tidings(&world, arguments);
        assert_eq!(code, Some(0), "{report}");
        for (what, count) in [
            ("sessions", 2),
            ("contactCodes", 1),
            ("passwordResets", 2),
            ("invites", 1),
            ("dashboardSessions", 1),
            ("dashboardLinks", 1),
        ] {
            assert_eq!(report[what], json!(count), "{what}: {report}");
        }
        assert_eq!(kept().await, expected);
    }
}
