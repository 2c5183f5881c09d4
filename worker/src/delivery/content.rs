use tidings_broker::Failure;
use tidings_db::delivery_attempts::UsedTemplate;
use tidings_db::notifications::ClaimedNotification;
use tidings_db::templates::TemplateRow;
use tidings_db::{DbError, templates};
use tidings_domain::content::{ChannelContent, FieldProblem, Json, Object, TemplateRef};

use super::prepare::PrepareError;
use super::{Delivery, DeliveryChannel};

impl<C: DeliveryChannel> Delivery<C> {
    /// Reads the content from the payload, or renders it from a template. Also returns the template.
    pub(super) async fn content(
        &self,
        claimed: &ClaimedNotification,
    ) -> Result<(C::Content, Option<UsedTemplate>), PrepareError> {
        let channel = Self::CHANNEL;
        let payload = Json::object(&claimed.payload)
            .map_err(|_| Failure::new("invalid_payload", "the payload is not a JSON object"))?;
        let Some(wanted) = &claimed.template else {
            let content = C::Content::from_payload(&payload);
            let content =
                content.map_err(|problems| invalid_content("invalid_payload", &problems))?;
            return Ok((content, None));
        };
        let Some(template) = self.template(wanted).await? else {
            let detail = format!("there is no template {:?} for {channel}", wanted.name);
            return Err(Failure::new("template_missing", detail).into());
        };
        let used = UsedTemplate {
            name: template.name.clone(),
            locale: template.locale.clone(),
            version: template.version,
        };
        match render(template, payload).await {
            Ok(content) => Ok((content, Some(used))),
            Err(failure) => Err(PrepareError::from(failure).with_template(Some(&used))),
        }
    }

    async fn template(&self, wanted: &TemplateRef) -> Result<Option<TemplateRow>, DbError> {
        let (name, locale) = (&wanted.name, wanted.locale.as_deref());
        let channel = Self::CHANNEL.into();
        self.database
            .run(async |client| templates::resolve(client, name, channel, locale).await)
            .await
    }
}

/// Renders a template with its variables, on a thread for blocking work, because a template may take long.
async fn render<T: ChannelContent + Send + 'static>(
    template: TemplateRow,
    variables: Object,
) -> Result<T, Failure> {
    let rendering = tokio::task::spawn_blocking(move || {
        let rendered = tidings_templates::render(template.source(), &variables)
            .map_err(|error| Failure::quoting("template_error", error.to_string()))?;
        let payload = rendered.payload(T::CHANNEL.into(), &variables);
        T::from_payload(&payload).map_err(|problems| invalid_content("template_error", &problems))
    });
    rendering.await.unwrap_or_else(|_| {
        Err(Failure::new(
            "template_error",
            "rendering the template panicked",
        ))
    })
}

/// The problems name fields and requirements; they never quote the payload.
fn invalid_content(reason: &'static str, problems: &[FieldProblem]) -> Failure {
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.message))
        .collect();
    Failure::new(reason, texts.join("; "))
}
