use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tidings_db::categories::CategoryRow;
use tidings_domain::category::{CategoryName, Throttle};
use tidings_domain::digest::DigestRule;
use utoipa::ToSchema;

/// A category.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Category)]
pub struct CategoryView {
    /// The name by which notifications refer to the category.
    #[schema(example = "order-updates")]
    name: String,
    /// `critical`: sent whatever the user has chosen. `marketing`: can always be unsubscribed. `transactional`: everything
    /// else.
    #[schema(example = "transactional")]
    kind: &'static str,
    /// What users read instead of the name.
    #[schema(example = "Order updates")]
    label: Option<String>,
    /// What the category contains, for users.
    description: Option<String>,
    /// Whether a user who has chosen nothing gets the notifications, by channel. Absent stands for true.
    #[schema(value_type = std::collections::HashMap<String, bool>, example = json!({"sms": false}))]
    defaults: BTreeMap<&'static str, bool>,
    /// How many notifications each user gets by a channel; null is no limit.
    throttle: Option<ThrottleView>,
    /// `obey`: the notifications wait for the end of a user's quiet hours. `ignore`: they do not.
    #[schema(example = "obey")]
    quiet: &'static str,
    /// Whether users see the category among their preferences.
    listed: bool,
    /// Whether e-mails have a link to unsubscribe, if the category is transactional. Those of marketing categories always have
    /// one.
    unsubscribe: bool,
    /// How the notifications are collected to digests; null if each is a message of its own.
    digest: Option<DigestRuleView>,
    /// Whether the category cannot be changed or deleted.
    built_in: bool,
    /// When the category last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<CategoryRow> for CategoryView {
    fn from(row: CategoryRow) -> Self {
        let category = row.category;
        let defaults = category.defaults.iter();
        Self {
            built_in: row.name == CategoryName::security(),
            name: row.name.to_string(),
            kind: category.kind.as_str(),
            label: category.label,
            description: category.description,
            defaults: defaults
                .map(|(channel, enabled)| (channel.as_str(), *enabled))
                .collect(),
            throttle: category.throttle.map(ThrottleView::from),
            quiet: category.quiet.as_str(),
            listed: category.listed,
            unsubscribe: category.unsubscribe,
            digest: category.digest.map(DigestRuleView::from),
            updated_at: row.updated_at,
        }
    }
}

/// How many notifications of a category each user gets by a channel, at most.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Throttle)]
pub struct ThrottleView {
    /// How many.
    #[schema(minimum = 1, maximum = 10_000, example = 3)]
    limit: u32,
    /// The seconds in which they count.
    #[schema(minimum = 1, maximum = 2_678_400, example = 3600)]
    window_secs: u32,
    /// A member of the payload: each of its values has a limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64, example = "orderId")]
    key: Option<String>,
}

impl From<Throttle> for ThrottleView {
    fn from(throttle: Throttle) -> Self {
        Self {
            limit: throttle.limit,
            window_secs: throttle.window_secs,
            key: throttle.key,
        }
    }
}

/// How the notifications of a category are collected to digests.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DigestRule)]
pub struct DigestRuleView {
    /// `off`, `window`, `daily` or `weekly`. A user may choose a slower one.
    #[schema(example = "daily")]
    mode: String,
    /// How long a window is; required for the mode `window`. Also for users who have chosen `window`: by default an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400, example = 3600)]
    window_secs: Option<u32>,
    /// A digest with so many items is sent at once; by default 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 2, maximum = 1000, example = 100)]
    max_items: Option<u32>,
}

impl From<DigestRule> for DigestRuleView {
    fn from(rule: DigestRule) -> Self {
        Self {
            mode: rule.mode.as_str().to_owned(),
            window_secs: rule.window_secs,
            max_items: rule.max_items,
        }
    }
}

/// The categories.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryList {
    /// By name.
    pub categories: Vec<CategoryView>,
}
