//! The requests of readers, except streams.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clients::{ApiClient, Exchange};
use crate::verify::Period;

/// Items of a page.
const PAGE: u32 = 200;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub ids: Vec<Uuid>,
    /// Those that can expire.
    pub expiring: Vec<Uuid>,
    /// When the page was asked for, and when it arrived.
    pub times: Period,
    pub next: Option<String>,
    pub up_to: String,
}

/// Lists a page of the unread notifications.
pub async fn list(api: &ApiClient, cursor: Option<&str>) -> Exchange<Page> {
    let mut path = format!("/api/inbox?limit={PAGE}");
    if let Some(cursor) = cursor {
        path = format!("{path}&cursor={cursor}");
    }
    let request = api.request(Method::GET, &path);
    let asked = Timestamp::now();
    api.send(request, |status, body| {
        let times = Period {
            from: asked,
            until: Timestamp::now(),
        };
        (status == 200).then(|| page(body, times)).flatten()
    })
    .await
}

/// Marks one notification, by `read` or `archive`. Answers whether it is in the inbox: if it has expired, it is not.
pub async fn mark(api: &ApiClient, id: Uuid, change: &str) -> Exchange<bool> {
    let request = api.request(Method::POST, &format!("/api/inbox/{id}/{change}"));
    api.send(request, |status, body| match status {
        204 => Some(true),
        404 => (body["code"] == "not_found").then_some(false),
        _ => None,
    })
    .await
}

/// Marks several notifications as read. Answers which are not in the inbox.
pub async fn mark_all(api: &ApiClient, ids: &[Uuid]) -> Exchange<Vec<Uuid>> {
    let body = json!({"ids": ids, "read": true});
    let request = api.request(Method::POST, "/api/inbox/state").json(&body);
    api.send(request, |status, body| {
        let not_found = body["notFound"].as_array().filter(|_| status == 200)?;
        let ids = not_found.iter().map(|id| id.as_str()?.parse().ok());
        ids.collect()
    })
    .await
}

/// Marks what `up_to` has shown as read. Answers whether there is more.
pub async fn read_all(api: &ApiClient, up_to: &str) -> Exchange<bool> {
    let body = json!({ "upTo": up_to });
    let request = api.request(Method::POST, "/api/inbox/read-all").json(&body);
    api.send(request, |status, body| {
        (status == 200).then(|| body["more"].as_bool()).flatten()
    })
    .await
}

/// Counts up to `cap` unread notifications. Answers their number, and whether there are more.
pub async fn counts(api: &ApiClient, cap: u32) -> Exchange<(u32, bool)> {
    let request = api.request(Method::GET, &format!("/api/inbox/counts?cap={cap}"));
    api.send(request, |status, body| {
        (status == 200).then(|| read_counts(body)).flatten()
    })
    .await
}

/// Reads the data of `counts`.
pub fn read_counts(data: &Value) -> Option<(u32, bool)> {
    let unread = data["unread"].as_u64()?.try_into().ok()?;
    Some((unread, data["capped"].as_bool()?))
}

/// Reads the id of an item.
pub fn item_id(item: &Value) -> Option<Uuid> {
    item["messageId"].as_str()?.parse().ok()
}

fn page(body: &Value, times: Period) -> Option<Page> {
    let items = body["items"].as_array()?;
    let can_expire = |item: &&Value| item["expiresAt"].is_string();
    let ids: Option<Vec<_>> = items.iter().map(item_id).collect();
    Some(Page {
        ids: ids?,
        expiring: items
            .iter()
            .filter(can_expire)
            .filter_map(item_id)
            .collect(),
        times,
        next: body["nextCursor"].as_str().map(str::to_owned),
        up_to: body["upTo"].as_str()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_strictly() {
        let [id, expiring] = [7, 8].map(Uuid::from_u128);
        let items = json!([
            {"messageId": id, "expiresAt": null},
            {"messageId": expiring, "expiresAt": "2027-01-15T08:00:00Z"},
        ]);
        let body = json!({"items": items, "nextCursor": null, "upTo": "AQ"});
        let [from, until] = [Timestamp::UNIX_EPOCH; 2];
        let times = Period { from, until };
        let expected = Page {
            ids: vec![id, expiring],
            expiring: vec![expiring],
            times,
            next: None,
            up_to: "AQ".to_owned(),
        };
        assert_eq!(page(&body, times), Some(expected));
        for wrong in [
            json!({}),
            json!({"items": [{}], "upTo": "AQ"}),
            json!({"items": []}),
        ] {
            assert_eq!(page(&wrong, times), None, "{wrong}");
        }
        assert_eq!(
            read_counts(&json!({"unread": 3, "capped": false})),
            Some((3, false))
        );
        assert_eq!(read_counts(&json!({"unread": 3})), None);
    }
}
