//! Changes of preferences.

use actix_web::HttpResponse;
use serde_json::value::RawValue;
use tidings_db::TransactionOptions;
use tidings_db::preferences::{self, SetResult};
use tidings_domain::category::CategoryKind;
use tidings_domain::notification::UserId;
use tidings_domain::preference::{
    CategorySelector, ChannelSelector, NewChoice, PreferenceSource, stopped_channels,
};

use super::{claim_wait, grid};
use crate::audit::Origin;
use crate::error::{ApiError, ErrorDetail};
use crate::handlers::users::path::not_found;
use crate::json_body::{ObjectReader, items, members, values};
use crate::state::AppState;

/// Maximum number of choices in a request.
const MAX_CHOICES: usize = 200;

/// Makes the choices in `body`, and returns the preferences after that.
pub async fn apply(
    state: &AppState,
    origin: &Origin,
    user: UserId,
    body: &[u8],
) -> Result<HttpResponse, ApiError> {
    let choices = parse(body)?;
    check_categories(state, &choices).await?;
    let source = if origin.0.is_user(user) {
        PreferenceSource::User
    } else {
        PreferenceSource::Admin
    };
    let set = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let set = preferences::set(transaction, user, &choices, source).await?;
            if set == SetResult::Changed {
                preferences::record_change(transaction, &origin.0, user, &choices).await?;
            }
            Ok(set)
        })
        .await?;
    if set == SetResult::UnknownUser {
        return Err(not_found());
    }
    claim_wait::until_seen(state, &stopped_channels(&choices)).await?;
    let view = state
        .database
        .run(async |client| grid::read(client, user).await)
        .await?;
    Ok(HttpResponse::Ok().json(view.ok_or_else(not_found)?))
}

/// Returns 400 for a category that does not exist, and for one about which no choice counts. A choice can always be taken
/// back.
async fn check_categories(state: &AppState, choices: &[NewChoice]) -> Result<(), ApiError> {
    for (index, choice) in choices.iter().enumerate() {
        let CategorySelector::One(name) = &choice.category else {
            continue;
        };
        if choice.enabled.is_none() {
            continue;
        }
        let kind = state.control.find_category(&state.database, name).await?;
        let (code, problem) = match kind {
            None => (
                "unknown_category",
                "must be the name of a category, * or *marketing",
            ),
            Some(CategoryKind::Critical) => (
                "category_locked",
                "must not be a critical category: its notifications are always sent",
            ),
            Some(CategoryKind::Transactional | CategoryKind::Marketing) => continue,
        };
        let details = vec![ErrorDetail::new(
            format!("preferences[{index}].category"),
            problem,
        )];
        let message = format!("Nothing can be chosen about the category {name}");
        return Err(ApiError::bad_request(code, message, details));
    }
    Ok(())
}

fn parse(body: &[u8]) -> Result<Vec<NewChoice>, ApiError> {
    let list = items(body, "preferences")?;
    if list.len() > MAX_CHOICES {
        let problem = format!("must have at most {MAX_CHOICES} items");
        let details = vec![ErrorDetail::new("preferences", problem)];
        let message = "There are too many preferences in the body";
        return Err(ApiError::bad_request("invalid_fields", message, details));
    }
    let mut choices = Vec::with_capacity(list.len());
    let mut problems = Vec::new();
    for (index, item) in list.into_iter().enumerate() {
        match choice(item) {
            Ok(choice) => choices.push(choice),
            Err(error) if error.details.is_empty() => {
                let path = format!("preferences[{index}]");
                problems.push(ErrorDetail::new(path, error.message));
            }
            Err(error) => problems.extend(error.details.into_iter().map(|detail| {
                let path = format!("preferences[{index}].{}", detail.field);
                ErrorDetail::new(path, detail.message)
            })),
        }
    }
    if problems.is_empty() {
        return Ok(choices);
    }
    let message = "The preferences are not valid";
    Err(ApiError::bad_request("invalid_fields", message, problems))
}

fn choice(item: &RawValue) -> Result<NewChoice, ApiError> {
    let members = members(item.get().as_bytes(), "The preference")?;
    let fields = ["category", "channel", "enabled"];
    let mut reader = ObjectReader::new(members, &fields, "preference");
    let category = reader.required("category", values::parsed);
    let channel = reader.required("channel", values::parsed::<ChannelSelector>);
    let enabled = if reader.has("enabled") {
        reader.optional("enabled", values::boolean)
    } else {
        reader.missing("enabled", "must be true, false or null");
        None
    };
    let choice = category.zip(channel).map(|(category, channel)| NewChoice {
        category,
        channel,
        enabled,
    });
    reader.finish(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(body: &str) -> Vec<String> {
        let error = parse(body.as_bytes()).expect_err(body);
        let fields = error.details.into_iter().map(|detail| detail.field);
        fields.collect()
    }

    #[test]
    fn choices_are_read() {
        let body = r#"{"preferences": [{"category": "news", "channel": "*", "enabled": false},
            {"category": "*", "channel": "sms", "enabled": null}]}"#;
        let read = parse(body.as_bytes()).expect("valid");
        let shown = |choice: &NewChoice| {
            let NewChoice {
                category,
                channel,
                enabled,
            } = choice;
            format!("{category} {channel} {enabled:?}")
        };
        let shown: Vec<String> = read.iter().map(shown).collect();
        assert_eq!(shown, ["news * Some(false)", "* sms None"]);
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let body = r#"{"preferences": [{"category": "News", "channel": "fax", "enabled": 1, "x": 1},
            {"category": "news", "channel": "sms"}, 7]}"#;
        let expected = [
            "preferences[0].category",
            "preferences[0].channel",
            "preferences[0].enabled",
            "preferences[0].x",
            "preferences[1].enabled",
            "preferences[2]",
        ];
        assert_eq!(rejected(body), expected);
        let one = r#"{"category": "*", "channel": "*", "enabled": true}"#;
        let many = format!(r#"{{"preferences": [{}]}}"#, vec![one; 201].join(","));
        assert!(parse(many.as_bytes()).is_err());
        for body in ["{}", "[]", r#"{"preferences": {}}"#] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
