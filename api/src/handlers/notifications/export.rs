//! `GET /api/notifications/export`: all notifications that match, as a file that is read and written part by part.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use csv::{Terminator, WriterBuilder};
use futures_util::stream::try_unfold;
use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action};
use tidings_db::notifications::{self, ListedNotification, NotificationFilter, SearchCursor};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::csv::permit;
use super::list::restrict;
use super::list_query::{ExportFormat, parse_export};
use super::view::TEMPLATE_ERROR;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// The most time that a file may take.
const MAX_TIME: Duration = Duration::from_mins(10);

/// Notifications that are read and written at once.
const PART: u32 = 500;

/// What is left of a file.
struct Rest {
    state: Data<AppState>,
    filter: NotificationFilter,
    format: ExportFormat,
    with_template_errors: bool,
    after: Option<SearchCursor>,
    is_over: bool,
    deadline: Instant,
    /// The part that is read and not written.
    part: Option<Bytes>,
    _permit: OwnedSemaphorePermit,
}

/// Returns all notifications that match, without their payloads, as CSV (RFC 4180) or as one JSON object a line. They are in the
/// order of `GET /api/notifications`. The transfer breaks if the file is not complete, at the latest after ten minutes: then use
/// `createdTo` with the time of the last line or, with `endedFrom` or `endedTo`, a shorter period. The export is in the audit
/// log.
#[utoipa::path(get, path = "/api/notifications/export", operation_id = "exportNotifications", tag = "notifications",
    params(
        ("format" = Option<String>, Query, description = "`csv` or `ndjson`; without it, `Accept: application/x-ndjson` asks for JSON, and the default is CSV"),
        ("targetUserId" = Option<uuid::Uuid>, Query, description = "Return only this user's"),
        ("status" = Option<String>, Query, description = "Return only notifications with this status"),
        ("type" = Option<String>, Query, description = "Return only notifications of this channel"),
        ("category" = Option<String>, Query, description = "Return only notifications of this category"),
        ("sender" = Option<String>, Query, description = "Return only notifications that this subject of a token has posted"),
        ("template" = Option<String>, Query, description = "Return only notifications that this template renders"),
        ("reason" = Option<String>, Query, description = "Return only notifications that failed, wait, or were not sent for this reason"),
        ("host" = Option<String>, Query, description = "Return only webhooks to this host"),
        ("reference" = Option<String>, Query, description = "Return only notifications to which a provider has given this id"),
        ("messageId" = Option<uuid::Uuid>, Query, description = "Return only this notification"),
        ("createdFrom" = Option<String>, Query, description = "Return only notifications that were accepted at this time or later"),
        ("createdTo" = Option<String>, Query, description = "Return only notifications that were accepted before this time"),
        ("endedFrom" = Option<String>, Query, description = "Return only notifications that ended at this time or later"),
        ("endedTo" = Option<String>, Query, description = "Return only notifications that ended before this time"),
    ),
    responses(
        (status = 200, description = "The file", content(
            (String = "text/csv"),
            (String = "application/x-ndjson"),
        )),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading these", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or too many files are read", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let users = caller.check_find()?;
    let (mut filter, format) = parse_export(request.query_string())?;
    restrict(users, &mut filter)?;
    let format = format.unwrap_or_else(|| accepted_format(&request));
    let permit = permit(&state)?;
    let recording =
        state
            .database
            .transaction(TransactionOptions::default(), async |transaction| {
                let entry = origin.0.entry(Action::NotificationExport);
                let entry = entry.with("filter", request.query_string());
                audit::record(transaction, &entry).await
            });
    recording.await?;
    let mut rest = Rest {
        state,
        filter,
        format,
        with_template_errors: caller.may_see_template_errors(),
        after: None,
        is_over: false,
        deadline: Instant::now() + MAX_TIME,
        part: None,
        _permit: permit,
    };
    // The first part is read before, so that a failure has its status.
    let rows = rest.read().await?;
    rest.part = Some(lines(format, true, &rows)?);
    let parts = try_unfold(rest, |mut rest| async move {
        let part = rest.next_part().await.inspect_err(|error| {
            tracing::warn!(
                code = error.code,
                cause = error.cause.as_deref(),
                "an export is not complete"
            );
        })?;
        Ok::<_, actix_web::Error>(part.map(|part| (part, rest)))
    });
    let (content_type, name) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        ExportFormat::NdJson => ("application/x-ndjson", "ndjson"),
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"notifications.{name}\""),
        ))
        .insert_header((header::VARY, header::ACCEPT.as_str()))
        .streaming(parts))
}

fn accepted_format(request: &HttpRequest) -> ExportFormat {
    let accept = request.headers().get(header::ACCEPT);
    let is_json = accept
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("application/x-ndjson"));
    if is_json {
        ExportFormat::NdJson
    } else {
        ExportFormat::Csv
    }
}

impl Rest {
    /// Returns the next part; `None` at the end of the file.
    async fn next_part(&mut self) -> Result<Option<Bytes>, ApiError> {
        if let Some(part) = self.part.take() {
            return Ok(Some(part));
        }
        let rows = self.read().await?;
        if rows.is_empty() {
            return Ok(None);
        }
        lines(self.format, false, &rows).map(Some)
    }

    /// Returns the next notifications; none at the end. Goes on while pages are empty.
    async fn read(&mut self) -> Result<Vec<ListedNotification>, ApiError> {
        while !self.is_over {
            if Instant::now() >= self.deadline {
                let message = "The file takes too long";
                return Err(ApiError::unavailable(
                    "overloaded",
                    message,
                    "the limit of time",
                ));
            }
            let _turn = PageTurn::wait_for_part(&self.state).await?;
            let (filter, after) = (&self.filter, self.after);
            let reading = self.state.database.run(async |client| {
                notifications::search_without_contents(client, filter, after, PART).await
            });
            let page = reading.await?;
            (self.after, self.is_over) = (page.next, page.next.is_none());
            if !page.rows.is_empty() {
                return Ok(self.shown(page.rows));
            }
        }
        Ok(Vec::new())
    }

    /// An error of a template quotes it, which is only for callers that may read it.
    fn shown(&self, mut rows: Vec<ListedNotification>) -> Vec<ListedNotification> {
        let hidden = rows.iter_mut().filter_map(|row| row.error_message.as_mut());
        for error in hidden.filter(|error| error.starts_with("template_error:")) {
            if !self.with_template_errors {
                *error = format!("template_error: {TEMPLATE_ERROR}");
            }
        }
        rows
    }
}

fn lines(
    format: ExportFormat,
    with_head: bool,
    rows: &[ListedNotification],
) -> Result<Bytes, ApiError> {
    match format {
        ExportFormat::Csv => {
            let mut writer = WriterBuilder::new()
                .terminator(Terminator::CRLF)
                .from_writer(Vec::new());
            if with_head {
                writer
                    .write_record(ListedNotification::COLUMNS)
                    .map_err(ApiError::internal)?;
            }
            for row in rows {
                writer
                    .write_record(row.cells())
                    .map_err(ApiError::internal)?;
            }
            let bytes = writer.into_inner().map_err(ApiError::internal)?;
            Ok(bytes.into())
        }
        ExportFormat::NdJson => {
            let mut bytes = Vec::new();
            for row in rows {
                serde_json::to_writer(&mut bytes, row).map_err(ApiError::internal)?;
                bytes.push(b'\n');
            }
            Ok(bytes.into())
        }
    }
}
