//! The queries of `tidings_db::dashboard_links` and `dashboard_sessions`.

use std::time::Duration;

use tidings_db::dashboard_sessions::{
    self, DashboardEndReason, NewDashboardSession, SessionHolder,
};
use tidings_db::user_sessions::{self, EndReason};
use tidings_db::{DbError, dashboard_links};
use tidings_domain::access::{
    DashboardLinkToken, DashboardRole, DashboardSessionToken, Scopes, SessionId,
};
use tidings_tests::World;

#[tokio::test]
async fn a_link_is_used_once() {
    let (world, _api) = World::shared().await;
    let token = DashboardLinkToken::generate().expect("a token");
    let used = world.database.pool.run(async |client| {
        let role = DashboardRole::Viewer;
        let (id, expires_at) = dashboard_links::insert(client, &token, role, "tests").await?;
        let used = dashboard_links::use_once(client, &token).await?;
        let again = dashboard_links::use_once(client, &token).await?;
        Ok((id, expires_at, used, again))
    });
    let (id, expires_at, used, again) = used.await.expect("the queries");
    let used = used.expect("the link");
    assert_eq!(
        (used.id, used.role, &*used.created_by),
        (id, DashboardRole::Viewer, "tests")
    );
    assert_eq!(again, None);
    let left = expires_at.duration_since(jiff::Timestamp::now());
    assert!(left.as_secs() <= 600 && left.as_secs() > 0, "{left}");
}

#[tokio::test]
async fn the_session_of_a_user_is_found_until_it_ends() {
    let (world, _api) = World::shared().await;
    let create = async |holder: &SessionHolder, role| {
        let token = DashboardSessionToken::generate().expect("a token");
        let id = SessionId::new();
        let new = NewDashboardSession {
            id,
            token: &token,
            holder,
            role,
            ip: "192.0.2.1".parse().ok(),
            user_agent: Some("tests\0"),
        };
        let created = world
            .database
            .pool
            .run(async |client| dashboard_sessions::create(client, &new).await);
        created.await.expect("the query");
        (id, token)
    };
    let find = async |token: &DashboardSessionToken| {
        let found = world
            .database
            .pool
            .run(async |client| dashboard_sessions::find(client, token).await);
        found.await.expect("the query")
    };
    let user = SessionHolder::User(world.user);
    // The user has the role user.
    let (_, of_other_role) = create(&user, DashboardRole::Admin).await;
    assert_eq!(find(&of_other_role).await, None);
    let role = format!(
        "UPDATE users SET role = 'operator' WHERE id = '{}'",
        world.user
    );
    super::update_one(&world, &role).await;
    let (first, token) = create(&user, DashboardRole::Operator).await;
    let (_, second) = create(&user, DashboardRole::Operator).await;
    let (of_link, link_token) = create(
        &SessionHolder::Link("tests".to_owned()),
        DashboardRole::Admin,
    )
    .await;
    let found = find(&token).await.expect("the session");
    assert_eq!(
        (found.id, &found.holder, found.role),
        (first, &user, DashboardRole::Operator)
    );
    assert_eq!(found.scopes, DashboardRole::Operator.scopes());
    assert!(found.username.is_some() && !found.is_touch_due);
    assert!(found.idle_expires_at < found.expires_at && found.last_used_at < found.idle_expires_at);
    let of_admin = find(&link_token).await.expect("the session");
    assert_eq!((of_admin.scopes, of_admin.username), (Scopes::ADMIN, None));

    let ended = world.database.pool.run(async |client| {
        let touched = dashboard_sessions::touch(client, first).await?;
        let ended = dashboard_sessions::end(client, first, DashboardEndReason::Logout).await?;
        let again = dashboard_sessions::end(client, first, DashboardEndReason::Logout).await?;
        let late = dashboard_sessions::touch(client, first).await?;
        let clients =
            user_sessions::login_clients_since(client, world.user, Duration::from_mins(5)).await?;
        // Whatever ends the sessions of the account ends those of the dashboard.
        user_sessions::end_all(client, world.user, None, EndReason::PasswordChanged).await?;
        let reason = DashboardEndReason::RoleChanged;
        let left = dashboard_sessions::end_of_user(client, world.user, reason).await?;
        Ok::<_, DbError>((touched, ended, again, late, clients, left))
    });
    let (touched, ended, again, late, clients, left) = ended.await.expect("the queries");
    assert!(touched.is_some_and(|at| at >= found.idle_expires_at));
    assert_eq!((ended, again, late, left), (true, false, None, 0));
    assert_eq!(clients.len(), 3);
    assert_eq!(clients[0].user_agent.as_deref(), Some("tests\u{fffd}"));
    assert_eq!((find(&token).await, find(&second).await), (None, None));
    assert_eq!(
        find(&link_token).await.map(|session| session.id),
        Some(of_link)
    );
}
