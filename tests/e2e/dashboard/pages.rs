//! The page, its files, and previews in frames.

use reqwest::Method;
use serde_json::json;
use tidings_tests::{World, tokens};
use uuid::Uuid;

use super::Browser;

/// What the page may do, word for word.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

#[tokio::test]
async fn each_path_of_the_dashboard_is_its_page_under_a_strict_policy() {
    let (_world, api) = World::shared().await;
    let client = api.client().anonymous();
    let mut page = None;
    for path in [
        "/dashboard",
        "/dashboard/",
        "/dashboard/login",
        "/dashboard/jobs/7?x=y",
    ] {
        let answer = client.get(path).await;
        assert_eq!(answer.header("Content-Security-Policy"), POLICY, "{path}");
        assert_eq!(answer.header("Cache-Control"), "no-store", "{path}");
        assert_eq!(answer.header("X-Content-Type-Options"), "nosniff", "{path}");
        assert_eq!(answer.header("Referrer-Policy"), "same-origin", "{path}");
        assert_eq!(
            answer.header("Content-Type"),
            "text/html; charset=utf-8",
            "{path}"
        );
        if answer.status == 503 {
            // Built without npm.
            assert!(answer.text.contains("Install npm"), "{}", answer.text);
        } else {
            assert_eq!(answer.status, 200, "{path}");
        }
        let first = page.get_or_insert_with(|| answer.text.clone());
        assert_eq!(*first, answer.text, "{path}");
    }
    for name in [
        "assets/none-1a2b3c4d.js",
        "assets/",
        "assets/index.html",
        "assets/../index.html.gz",
    ] {
        let answer = client.get(&format!("/dashboard/{name}")).await;
        assert!(
            [404, 200, 503].contains(&answer.status),
            "{name}: {}",
            answer.text
        );
        assert_ne!(
            answer.header("Cache-Control"),
            "public, max-age=31536000, immutable",
            "{name}"
        );
    }
    client
        .get("/dashboard/assets/none-1a2b3c4d.js")
        .await
        .assert_error(404, "not_found");
    let page = page.unwrap_or_default();
    for part in page.split("/dashboard/assets/").skip(1) {
        let name = part.split('"').next().expect("a name");
        let answer = client.get(&format!("/dashboard/assets/{name}")).await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(
            answer.header("Cache-Control"),
            "public, max-age=31536000, immutable",
            "{name}"
        );
    }
    let post = client.request(Method::POST, "/dashboard/login");
    client
        .send(post)
        .await
        .assert_error(405, "method_not_allowed");
    client
        .get("/dashboards")
        .await
        .assert_error(404, "not_found");
}

#[tokio::test]
async fn the_html_of_a_template_is_shown_where_it_can_do_nothing() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let name = format!("t-{}", Uuid::new_v4());
    let html = "<style>p{color:red}</style><p>Hello {{ name }}</p><script>alert(1)</script>";
    for (locale, template) in [
        (
            "default",
            json!({"subject": "Hello", "text": "Hello {{ name }}", "html": html}),
        ),
        (
            "de",
            json!({"subject": "Hallo", "text": "Hallo {{ name }}"}),
        ),
    ] {
        let put = client.request(
            Method::PUT,
            &format!("/api/templates/{name}/email/{locale}"),
        );
        let answer = client.send(put.json(&template)).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.text);
    }
    let viewer = Browser::with_link(&world, &client, "viewer").await;
    let path = |query: &str| format!("/api/templates/{name}/preview?{query}");
    let variables = "variables=%7B%22name%22%3A%22%3Cb%3E%22%7D";
    let answer = viewer.get(&path(variables)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(
        answer.text.contains("<p>Hello &lt;b&gt;</p>"),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("Content-Type"), "text/html; charset=utf-8");
    assert_eq!(
        answer.header("Content-Security-Policy"),
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'self'; sandbox"
    );
    assert_eq!(answer.header("Cache-Control"), "no-store");
    assert_eq!(answer.header("X-Content-Type-Options"), "nosniff");
    assert_eq!(answer.header("Referrer-Policy"), "no-referrer");
    for (query, status, code) in [
        ("", 400, "template_error"),
        ("variables=x", 400, "invalid_query"),
        (&format!("locale=de&{variables}"), 404, "no_html"),
        (&format!("version=7&{variables}"), 404, "not_found"),
    ] {
        let answer = viewer.get(&path(query)).await;
        answer.assert_error(status, code);
        let policy = answer.header("Content-Security-Policy");
        assert!(
            policy.starts_with("default-src 'none'; frame-ancestors"),
            "{policy}"
        );
    }
    let reader = client.with_token(tokens::scoped(world.user, "notifications:read"));
    reader
        .get(&path(variables))
        .await
        .assert_error(403, "forbidden");
    let framed = viewer
        .request(Method::GET, &path(variables))
        .header("Sec-Fetch-Site", "cross-site");
    viewer
        .send(framed)
        .await
        .assert_error(403, "foreign_origin");
}
