//! `GET /api/lookup`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::lookup::{self, IdKind};
use tidings_domain::access::Scope;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::page_turn::PageTurn;
use crate::query;
use crate::state::AppState;

/// The name of what a provider has given its id to, in `lookedFor` and `kind`.
const REFERENCE: &str = "providerReference";

/// What has the id.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lookup {
    /// What was looked for.
    id: String,
    /// What has this id, perhaps several: a notification and a user may have the same.
    found: Vec<LookupItem>,
    /// The kinds that were looked for. Without the scope `users:read`, users are not.
    looked_for: Vec<&'static str>,
    /// Set if there are more attempts than a request reads: those of notifications that were accepted at this time or later
    /// were searched for the reference. `GET /api/notifications?reference=` goes on.
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    references_searched_until: Option<Timestamp>,
}

/// Something that has the id.
#[derive(Debug, Serialize, ToSchema)]
pub struct LookupItem {
    /// `notification`, `deadLetter`, `user`, `endpoint`, `job`, `template` or `providerReference`.
    #[schema(example = "notification")]
    kind: &'static str,
    /// Its own id: of a provider's reference, the message id; of a letter that was found by its message id, that of the letter.
    id: String,
    /// The page of the dashboard that shows it, relative to `/dashboard`.
    link: String,
}

/// Finds what has an id or a name: notifications by their message id or the id that a provider has given them, dead letters,
/// users, webhook endpoints, jobs and templates. Each is found in an index, except a provider's id: like `GET
/// /api/notifications?reference=`, a request searches the last 2,000 notifications.
#[utoipa::path(get, path = "/api/lookup", operation_id = "lookUp", tag = "overview",
    params(("id" = String, Query, description = "The id or name: 1 to 255 characters")),
    responses(
        (status = 200, description = "What has this id; perhaps nothing", body = Lookup),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `dashboard`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or too many long pages are read", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::Dashboard)?;
    let id = parse(request.query_string())?;
    let mut kinds = IdKind::ALL.to_vec();
    if caller.check(Scope::UsersRead).is_err() {
        kinds.retain(|kind| *kind != IdKind::User);
    }
    let _turn = PageTurn::wait_for_part(&state).await?;
    let reading = state
        .database
        .run(async |client| lookup::look_up(client, &kinds, &id).await);
    let lookup::LookupResult { found, referred } = reading.await?;
    let mut looked_for: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
    let mut results: Vec<_> = found
        .into_iter()
        .map(|(kind, id)| LookupItem {
            kind: kind.as_str(),
            link: link(kind, &id),
            id,
        })
        .collect();
    let mut references_searched_until = None;
    if let Some(page) = referred {
        looked_for.push(REFERENCE);
        references_searched_until = page.searched_until;
        results.extend(page.rows.iter().map(|row| LookupItem {
            kind: REFERENCE,
            id: row.message_id.to_string(),
            link: link(IdKind::Notification, &row.message_id.to_string()),
        }));
    }
    Ok(HttpResponse::Ok().json(Lookup {
        id,
        found: results,
        looked_for,
        references_searched_until,
    }))
}

/// The id of the query, without the spaces around it that are copied with it.
fn parse(text: &str) -> Result<String, ApiError> {
    let mut id = None;
    query::read(text, |name, value, problems| {
        if name == "id" {
            id = query::text(problems, name, value.trim());
        }
        name == "id"
    })?;
    id.ok_or_else(|| query::invalid(vec![ErrorDetail::new("id", "is required")]))
}

fn link(kind: IdKind, id: &str) -> String {
    let path = match kind {
        IdKind::Notification => "/notifications/",
        IdKind::DeadLetter => "/dead-letters?id=",
        IdKind::User => "/users/",
        IdKind::Endpoint => "/endpoints?id=",
        IdKind::Job => "/jobs?id=",
        IdKind::Template => "/templates/",
    };
    // Of what ids and names of templates have, only the slash of `digest/` needs an escape.
    format!("{path}{}", id.replace('/', "%2F"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_template_of_digests() {
        let found = link(IdKind::Template, "digest/news");
        assert_eq!(found, "/templates/digest%2Fnews");
    }

    #[test]
    fn an_id_is_required_once_and_without_the_spaces_around_it() {
        assert_eq!(parse("id=%20abc%20").expect("valid"), "abc");
        for wrong in ["", "id=", "id=%20", "id=a&id=b", "id=a&q=b", "id=a%00"] {
            parse(wrong).expect_err(wrong);
        }
    }
}
