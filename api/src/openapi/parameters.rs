use tidings_db::audit::Action;
use tidings_db::inbox::InboxState;
use tidings_domain::notification::{Channel, DeliveredChannel, Status};
use tidings_domain::statistics::{GroupBy, Measure, Step};
use tidings_domain::time::CronSchedule;
use utoipa::Modify;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{OpenApi, RefOr};

use crate::handlers::dead_letters::channel_names;
use crate::handlers::inbox::counts::MAX_CAP;
use crate::handlers::messaging::MAX_OFFSET;
use crate::query::MAX_LIMIT;

/// What [`Locale`](tidings_templates::Locale) parses.
const LOCALE: &str = "^([A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|[0-9]{3}))?\
    ([-_]([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3})){0,2}\
    |[Dd][Ee][Ff][Aa][Uu][Ll][Tt])$";

/// Adds the values that are allowed to parameters that occur in several paths, so that each is stated once.
pub(super) struct ParameterValues;

impl Modify for ParameterValues {
    fn modify(&self, document: &mut OpenApi) {
        for (path, item) in &mut document.paths.paths {
            for parameter in operations(item).flat_map(parameters) {
                let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else {
                    continue;
                };
                if path.starts_with("/api/dead-letters") && parameter.name == "channel" {
                    schema.enum_values = Some(channel_names().map(Into::into).collect());
                } else if path.starts_with("/api/channels") && parameter.name == "channel" {
                    let all = DeliveredChannel::ALL.map(DeliveredChannel::as_str);
                    schema.enum_values = Some(values(all));
                } else {
                    restrict(&parameter.name, schema);
                }
            }
        }
    }
}

pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .flatten()
}

fn parameters(operation: &mut Operation) -> impl Iterator<Item = &mut Parameter> {
    let all = operation.parameters.iter_mut().flatten();
    all.filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

fn restrict(name: &str, schema: &mut Object) {
    match name {
        "limit" => {
            schema.minimum = Some(1.into());
            schema.maximum = Some(MAX_LIMIT.into());
        }
        "offset" => {
            schema.minimum = Some(0.into());
            schema.maximum = Some(MAX_OFFSET.into());
        }
        "step" => schema.enum_values = Some(values(Step::ALL.map(Step::as_str))),
        "by" => schema.enum_values = Some(values(GroupBy::ALL.map(GroupBy::as_str))),
        "measure" => schema.enum_values = Some(values(Measure::ALL.map(Measure::as_str))),
        "order" => schema.enum_values = Some(values(["sent"])),
        "action" => {
            let all = Action::ALL.iter().map(|action| action.as_str().into());
            schema.enum_values = Some(all.collect());
        }
        "format" => schema.enum_values = Some(values(["csv", "ndjson"])),
        "actor" | "target" | "category" | "sender" | "username" | "template" | "reference" => {
            schema.min_length = Some(1);
            schema.max_length = Some(255);
        }
        "state" => schema.enum_values = Some(values(InboxState::ALL.map(InboxState::as_str))),
        "cap" => {
            schema.minimum = Some(1.into());
            schema.maximum = Some(MAX_CAP.into());
        }
        "email" => schema.max_length = Some(254),
        "count" => {
            schema.minimum = Some(1.into());
            schema.maximum = Some(CronSchedule::MAX_OCCURRENCES.into());
        }
        "reason" => schema.pattern = Some("^[a-z0-9_]{1,100}$".to_owned()),
        "version" => schema.minimum = Some(1.into()),
        "attempt" => schema.minimum = Some(0.into()),
        "cursor" => schema.min_length = Some(1),
        "status" => schema.enum_values = Some(values(Status::ALL.map(Status::as_str))),
        "type" => schema.enum_values = Some(values(Channel::ALL.map(Channel::as_str))),
        // Of a template.
        "name" => schema.pattern = Some("^[a-z0-9][a-z0-9._-]{0,99}$".to_owned()),
        "channel" => {
            let carry_text = [Channel::Email, Channel::Sms, Channel::Push];
            schema.enum_values = Some(values(carry_text.map(Channel::as_str)));
        }
        "locale" => {
            schema.pattern = Some(LOCALE.to_owned());
        }
        _ => {}
    }
}

fn values<const COUNT: usize>(names: [&str; COUNT]) -> Vec<serde_json::Value> {
    names.map(Into::into).to_vec()
}
