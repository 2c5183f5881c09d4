//! What was sent, as a CSV file (RFC 4180) that is read and written part by part.

use std::time::Duration;

use actix_web::http::header::{self, Accept, Header, Quality};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use csv::{Terminator, WriterBuilder};
use futures_util::stream::try_unfold;
use tidings_db::notifications::{self, NotificationFilter, SentCursor, SentNotification};
use tidings_domain::spreadsheet::inert;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// The most notifications in a file. The last line names the position from which another file continues.
const MAX_ROWS: u32 = 100_000;

/// The most time that a file may take. Shorter than an idle connection stays open.
const MAX_TIME: Duration = Duration::from_mins(1);

/// The most files that are written at once.
const MAX_FILES: usize = 4;

/// Notifications that are read and written at once.
const PART: u32 = 500;

const COLUMNS: [&str; 10] = [
    "messageId",
    "targetUserId",
    "type",
    "category",
    "sender",
    "template",
    "retriesAttempted",
    "createdAt",
    "processedAt",
    "cursor",
];

/// The permits of the files of a program.
pub fn semaphore() -> Semaphore {
    Semaphore::new(MAX_FILES)
}

/// Whether the client prefers CSV to JSON (RFC 9110 §12.5.1).
pub fn is_preferred(request: &HttpRequest) -> bool {
    let Ok(accept) = Accept::parse(request) else {
        return false;
    };
    let quality = |types: &[&str]| {
        let items = accept.iter();
        let named = items.filter(|item| types.contains(&item.item.essence_str()));
        named
            .map(|item| item.quality)
            .max()
            .unwrap_or(Quality::ZERO)
    };
    let csv = quality(&["text/csv"]);
    csv > quality(&["application/json"]) && csv >= quality(&["*/*", "application/*"])
}

/// Waits for nothing: the right to write one file.
///
/// # Errors
///
/// Returns 503 if too many files are written.
pub(super) fn permit(state: &AppState) -> Result<OwnedSemaphorePermit, ApiError> {
    let semaphore = std::sync::Arc::clone(&state.csv_files);
    semaphore.try_acquire_owned().map_err(|error| {
        let message = "Too many files are read at once; try again";
        ApiError::unavailable("overloaded", message, error)
    })
}

/// What is left of a file.
struct Rest {
    state: Data<AppState>,
    filter: NotificationFilter,
    /// The position of the next part; `None` at the beginning.
    after: Option<SentCursor>,
    /// Whether there is no other part.
    is_over: bool,
    rows_left: u32,
    deadline: Instant,
    /// The part that is read and not written.
    part: Option<Bytes>,
    _permit: OwnedSemaphorePermit,
}

/// Answers with a file. The first part is read before, so that a failure has its status.
///
/// # Errors
///
/// Returns 503 if the database is unavailable or too many files are read.
pub async fn file(
    state: Data<AppState>,
    filter: NotificationFilter,
    after: Option<SentCursor>,
    limit: Option<u32>,
) -> Result<HttpResponse, ApiError> {
    let permit = permit(&state)?;
    let mut rest = Rest {
        state,
        filter,
        after,
        is_over: false,
        rows_left: limit.unwrap_or(MAX_ROWS).min(MAX_ROWS),
        deadline: Instant::now() + MAX_TIME,
        part: None,
        _permit: permit,
    };
    let rows = rest.read().await?;
    rest.part = Some(lines(Some(COLUMNS), &rows)?);
    let parts = try_unfold(rest, |mut rest| async move {
        let part = rest.next_part().await.inspect_err(|error| {
            // The client sees that the transfer breaks.
            tracing::warn!(
                code = error.code,
                cause = error.cause.as_deref(),
                "a CSV file is not complete"
            );
        })?;
        Ok::<_, actix_web::Error>(part.map(|part| (part, rest)))
    });
    Ok(HttpResponse::Ok()
        .insert_header((
            header::CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present",
        ))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"sent.csv\"",
        ))
        .insert_header((header::VARY, header::ACCEPT.as_str()))
        .streaming(parts))
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
        lines(None, &rows).map(Some)
    }

    async fn read(&mut self) -> Result<Vec<SentNotification>, ApiError> {
        if self.is_over || self.rows_left == 0 {
            return Ok(Vec::new());
        }
        if Instant::now() >= self.deadline {
            let message = "The file takes too long";
            return Err(ApiError::unavailable(
                "overloaded",
                message,
                "the limit of time",
            ));
        }
        let _turn = PageTurn::wait_for_part(&self.state).await?;
        let (filter, after, limit) = (&self.filter, self.after, self.rows_left.min(PART));
        let reading = self.state.database.run(async |client| {
            notifications::list_sent_without_contents(client, filter, after, limit).await
        });
        let (rows, next) = reading.await?;
        self.rows_left -= u32::try_from(rows.len()).unwrap_or(self.rows_left);
        (self.after, self.is_over) = (next, next.is_none());
        Ok(rows)
    }
}

fn lines(
    head: Option<[&str; COLUMNS.len()]>,
    rows: &[SentNotification],
) -> Result<Bytes, ApiError> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    let written = head.map_or(Ok(()), |head| writer.write_record(head));
    written.map_err(ApiError::internal)?;
    for row in rows {
        writer
            .write_record(cells(row))
            .map_err(ApiError::internal)?;
    }
    let bytes = writer.into_inner().map_err(ApiError::internal)?;
    Ok(bytes.into())
}

fn cells(row: &SentNotification) -> [String; COLUMNS.len()] {
    let text = |text: &Option<String>| inert(text.as_deref().unwrap_or_default()).into_owned();
    [
        row.message_id.to_string(),
        row.user_id
            .map_or_else(String::new, |user| user.to_string()),
        row.r#type.clone(),
        text(&row.category),
        text(&row.sender),
        text(&row.template),
        row.retries_attempted.to_string(),
        row.created_at.to_string(),
        row.processed_at.to_string(),
        row.cursor.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use rstest::rstest;
    use uuid::Uuid;

    use super::*;

    #[rstest]
    #[case("text/csv", true)]
    #[case("text/csv;charset=utf-8", true)]
    #[case("text/csv, */*", true)]
    #[case("text/csv, application/json;q=0.9", true)]
    #[case("application/json, text/csv", false)]
    #[case("text/csv;q=0.5, */*", false)]
    #[case("text/csv;q=0", false)]
    #[case("*/*", false)]
    #[case("text/html, */*;q=0.8", false)]
    fn csv_is_returned_to_those_who_prefer_it(#[case] accept: &str, #[case] preferred: bool) {
        let request = TestRequest::get().insert_header((header::ACCEPT, accept));
        assert_eq!(is_preferred(&request.to_http_request()), preferred);
    }

    #[test]
    fn without_the_header_the_answer_is_json() {
        assert!(!is_preferred(&TestRequest::get().to_http_request()));
    }

    #[test]
    fn a_cell_is_never_a_formula_and_never_ends_its_line() {
        let row = SentNotification {
            message_id: Uuid::nil().into(),
            user_id: None,
            r#type: "sms".to_owned(),
            category: Some("+1".to_owned()),
            sender: Some("=HYPERLINK(\"http://x\",\"y\")".to_owned()),
            template: Some("a,\"b\"\r\n-c".to_owned()),
            retries_attempted: 0,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            processed_at: jiff::Timestamp::UNIX_EPOCH,
            cursor: "0~00000000000000000000000000000000"
                .parse()
                .expect("a cursor"),
        };
        let bytes = lines(None, &[row]).expect("written");
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&*bytes);
        let record = reader.records().next().expect("a line").expect("readable");
        assert_eq!(&record[1], "", "no target user");
        assert_eq!(&record[3], "'+1");
        assert_eq!(&record[4], "'=HYPERLINK(\"http://x\",\"y\")");
        assert_eq!(&record[5], "a,\"b\"\r\n-c");
        assert!(reader.records().next().is_none(), "one line");
        assert!(bytes.ends_with(b"\r\n"));
    }
}
