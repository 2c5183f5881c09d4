use secrecy::SecretString;
use tidings_broker::Failure;
use tidings_db::delivery_attempts::{self, SettledContact, UsedTemplate};
use tidings_db::notifications::ClaimedNotification;
use tidings_db::templates::TemplateRow;
use tidings_db::webhook_endpoints::SigningEndpoint;
use tidings_db::{Client, DbError, device_tokens, phone_numbers, templates, webhook_endpoints};
use tidings_domain::content::{Content, FieldProblem, Object, TemplateRef, Webhook};
use tidings_domain::notification::{Channel, MessageId, UserId};
use uuid::Uuid;

use super::{Delivery, Message, Parcel};
use crate::providers::{EmailMessage, PushMessage, TextMessage, WebhookMessage};

/// What is to be sent.
pub(super) struct Prepared {
    /// One an address that nothing was settled for before.
    pub(super) parcels: Vec<Parcel>,
    /// What it was written by.
    pub(super) template: Option<UsedTemplate>,
    /// The addresses that need no more attempts.
    pub(super) settled: Vec<SettledContact>,
}

/// Why a notification cannot be sent, now or ever.
pub(super) struct Unsendable {
    pub(super) failure: Failure,
    /// What it was to be written by.
    pub(super) template: Option<UsedTemplate>,
}

impl From<Failure> for Unsendable {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            template: None,
        }
    }
}

/// A database that is away, or a notification that cannot be sent.
enum Stop {
    Database(DbError),
    Unsendable(Unsendable),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Unsendable(failure.into())
    }
}

impl Delivery {
    /// Reads what the notification says and finds out where it goes. No connection to PostgreSQL is held
    /// while a template is rendered.
    pub(super) async fn prepare(
        &self,
        id: MessageId,
        claimed: &ClaimedNotification,
    ) -> Result<Result<Prepared, Unsendable>, DbError> {
        match self.parcels(id, claimed).await {
            Ok(prepared) => Ok(Ok(prepared)),
            Err(Stop::Unsendable(unsendable)) => Ok(Err(unsendable)),
            Err(Stop::Database(error)) => Err(error),
        }
    }

    async fn parcels(
        &self,
        id: MessageId,
        claimed: &ClaimedNotification,
    ) -> Result<Prepared, Stop> {
        let (content, template) = self.content(claimed).await?;
        let (settled, parcels) = self
            .database
            .run(async |client| {
                let settled = delivery_attempts::list_settled_contacts(client, id).await?;
                let parcels = match self.addressed(client, id, claimed, content).await {
                    Ok(parcels) => Ok(parcels),
                    Err(Stop::Unsendable(unsendable)) => Err(unsendable),
                    Err(Stop::Database(error)) => return Err(error),
                };
                Ok((settled, parcels))
            })
            .await?;
        let mut parcels =
            parcels.map_err(|stop| Stop::Unsendable(stop).written_by(template.as_ref()))?;
        parcels.retain(|parcel| !settled.iter().any(|one| one.contact_id == parcel.contact));
        Ok(Prepared {
            parcels,
            template,
            settled,
        })
    }

    /// What the notification says, and what it was written by, where it was.
    async fn content(
        &self,
        claimed: &ClaimedNotification,
    ) -> Result<(Content, Option<UsedTemplate>), Stop> {
        let channel = self.sender.channel().channel();
        let unreadable = || Failure::new("invalid_payload", "the payload is no JSON object");
        let payload: Object = serde_json::from_str(&claimed.payload).map_err(|_| unreadable())?;
        let Some(wanted) = &claimed.template else {
            let content = Content::read(channel, &payload);
            let content = content.map_err(|problems| invalid("invalid_payload", &problems))?;
            return Ok((content.ok_or_else(unreadable)?, None));
        };
        let Some(found) = self.template(wanted).await? else {
            let detail = format!("there is no template {:?} for {channel}", wanted.name);
            return Err(Failure::new("template_missing", detail).into());
        };
        let used = UsedTemplate {
            name: found.name.clone(),
            locale: found.locale.clone(),
            version: found.version,
        };
        match written(found, channel, payload).await {
            Ok(content) => Ok((content, Some(used))),
            Err(failure) => Err(Stop::from(failure).written_by(Some(&used))),
        }
    }

    async fn template(&self, wanted: &TemplateRef) -> Result<Option<TemplateRow>, DbError> {
        let (name, locale) = (&wanted.name, wanted.locale.as_deref());
        let channel = self.sender.channel().into();
        self.database
            .run(async |client| templates::resolve(client, name, channel, locale).await)
            .await
    }

    /// A parcel for every address: the one that the payload names, or the user's contacts.
    async fn addressed(
        &self,
        client: &Client,
        id: MessageId,
        claimed: &ClaimedNotification,
        content: Content,
    ) -> Result<Vec<Parcel>, Stop> {
        let user = claimed.user_id;
        Ok(match content {
            Content::Email(email) => {
                let own = || stored(claimed.user_email.as_deref()?);
                let to = email.to.clone().or_else(own);
                let to = to.ok_or_else(|| no_recipient("e-mail address", "/contacts/email"))?;
                vec![parcel(None, Message::Email(EmailMessage { id, to, email }))]
            }
            Content::Sms(sms) => {
                let (contact, to) = match sms.to.clone() {
                    Some(to) => (None, Some(to)),
                    None => match phone_numbers::newest_address(client, user).await? {
                        Some((contact, number)) => (Some(contact), stored(&number)),
                        None => (None, None),
                    },
                };
                let to =
                    to.ok_or_else(|| no_recipient("phone number", "/contacts/phone-numbers"))?;
                vec![parcel(contact, Message::Sms(TextMessage { id, to, sms }))]
            }
            Content::Push(push) => {
                let devices = match push.to.clone() {
                    Some(to) => vec![(None, to)],
                    None => device_tokens::list_addresses(client, user)
                        .await?
                        .into_iter()
                        .filter_map(|(contact, token)| Some((Some(contact), stored(&token)?)))
                        .collect(),
                };
                if devices.is_empty() {
                    return Err(no_recipient("device", "/contacts/device-tokens").into());
                }
                let message = |to| {
                    Message::Push(PushMessage {
                        id,
                        to,
                        push: push.clone(),
                    })
                };
                devices
                    .into_iter()
                    .map(|(contact, to)| parcel(contact, message(to)))
                    .collect()
            }
            Content::Webhook(webhook) => self.webhooks(client, id, claimed, webhook).await?,
        })
    }

    async fn webhooks(
        &self,
        client: &Client,
        id: MessageId,
        claimed: &ClaimedNotification,
        webhook: Webhook,
    ) -> Result<Vec<Parcel>, Stop> {
        let message = |contact, to, secrets: Vec<SecretString>| {
            let webhook = webhook.clone();
            let accepted_at = claimed.created_at;
            parcel(
                contact,
                Message::Webhook(WebhookMessage {
                    id,
                    to,
                    accepted_at,
                    secrets,
                    webhook,
                }),
            )
        };
        if let Some(to) = webhook.to.clone() {
            return Ok(vec![message(None, to, self.signing_secrets.clone())]);
        }
        let endpoints = endpoints(client, claimed.user_id, webhook.endpoint_id).await?;
        let parcels: Vec<Parcel> = endpoints
            .into_iter()
            .filter_map(|endpoint| {
                Some(message(
                    Some(endpoint.id),
                    stored(&endpoint.url)?,
                    endpoint.secrets,
                ))
            })
            .collect();
        if parcels.is_empty() {
            let what = if webhook.endpoint_id.is_some() {
                "enabled endpoint of this id"
            } else {
                "enabled webhook endpoint"
            };
            let detail =
                format!("the user has no {what}: POST /api/webhook-endpoints, then replay");
            return Err(Failure::new("no_recipient", detail).into());
        }
        Ok(parcels)
    }
}

/// What a template makes of its variables. Away from the threads that everything else runs on: one that
/// is hard to render takes its time.
async fn written(
    found: TemplateRow,
    channel: Channel,
    variables: Object,
) -> Result<Content, Failure> {
    let rendering = tokio::task::spawn_blocking(move || {
        let rendered = tidings_templates::render(found.source(), &variables)
            .map_err(|error| Failure::quoting("template_error", error.to_string()))?;
        let content = rendered.content(channel, &variables);
        let content = content.map_err(|problems| invalid("template_error", &problems))?;
        content.ok_or_else(|| Failure::new("template_error", "the channel takes no templates"))
    });
    rendering.await.unwrap_or_else(|_| {
        Err(Failure::new(
            "template_error",
            "rendering the template panicked",
        ))
    })
}

/// The one that is asked for, or all.
async fn endpoints(
    client: &Client,
    user: UserId,
    wanted: Option<Uuid>,
) -> Result<Vec<SigningEndpoint>, DbError> {
    let Some(id) = wanted else {
        return webhook_endpoints::list_enabled(client, user).await;
    };
    let found = webhook_endpoints::find_for_user(client, id, user).await?;
    Ok(found
        .into_iter()
        .filter(|endpoint| endpoint.enabled)
        .collect())
}

impl Stop {
    fn written_by(self, template: Option<&UsedTemplate>) -> Self {
        match self {
            Self::Unsendable(unsendable) => Self::Unsendable(Unsendable {
                template: template.cloned(),
                ..unsendable
            }),
            database @ Self::Database(_) => database,
        }
    }
}

const fn parcel(contact: Option<Uuid>, message: Message) -> Parcel {
    Parcel { contact, message }
}

/// An address of the user's contacts. They were checked when they were added; one that somebody wrote
/// into the table by hand, and that is none, is not there.
fn stored<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn no_recipient(what: &str, path: &str) -> Failure {
    let detail =
        format!("the user has no {what}: add one at /api/users/{{userId}}{path}, then replay");
    Failure::new("no_recipient", detail)
}

/// The problems' words name fields and say what would be right; they quote no payload.
fn invalid(reason: &'static str, problems: &[FieldProblem]) -> Failure {
    let words: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.message))
        .collect();
    Failure::new(reason, words.join("; "))
}
