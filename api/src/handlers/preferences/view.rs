use jiff::Timestamp;
use serde::Serialize;
use tidings_db::preferences::PreferenceRow;
use utoipa::ToSchema;

/// The preferences of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preferences)]
pub struct PreferencesView {
    /// What is sent: first `*`, the notifications without a category, then the listed categories by name.
    pub categories: Vec<CategoryPreferences>,
    /// What was chosen, by category and channel. Nothing else is stored.
    pub preferences: Vec<ChoiceView>,
}

/// What is sent of a category.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryPreferences {
    /// The name; `*` for notifications without a category.
    #[schema(example = "order-updates")]
    pub name: String,
    /// What users read instead of the name.
    #[schema(example = "Order updates")]
    pub label: Option<String>,
    /// What the category contains.
    pub description: Option<String>,
    /// `critical`, `transactional` or `marketing`.
    #[schema(example = "transactional")]
    pub kind: &'static str,
    /// Whether no choice counts, because the category is critical.
    pub locked: bool,
    /// One for each channel.
    pub channels: Vec<ChannelPreference>,
}

/// Whether the notifications of a category are sent by a channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelPreference {
    /// The channel.
    #[schema(example = "email")]
    pub channel: &'static str,
    /// Whether they are sent.
    pub effective: bool,
    /// Why: `critical`, `choice` (see `choice`), `default` (that of the category) or `nothing_chosen`.
    #[schema(example = "choice")]
    pub because: &'static str,
    /// The choice that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<ChoiceView>,
}

/// What was chosen.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Preference)]
pub struct ChoiceView {
    /// The name of a category; `*` for all notifications, `*marketing` for all marketing categories.
    #[schema(example = "order-updates")]
    category: String,
    /// The name of a channel; `*` for all channels.
    #[schema(example = "email")]
    channel: &'static str,
    /// Whether the user wants the notifications.
    enabled: bool,
    /// `user`: the user has chosen it. `unsubscribe`: a link in an e-mail. `provider`: a provider has said it. `admin`: an
    /// operator has set it.
    #[schema(example = "user")]
    source: &'static str,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<&PreferenceRow> for ChoiceView {
    fn from(row: &PreferenceRow) -> Self {
        Self {
            category: row.category.to_string(),
            channel: row.channel.as_str(),
            enabled: row.enabled,
            source: row.source.as_str(),
            updated_at: row.updated_at,
        }
    }
}
