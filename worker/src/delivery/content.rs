use std::sync::LazyLock;
use std::time::Instant;

use metrics::{Histogram, histogram};
use tidings_broker::Failure;
use tidings_db::delivery_attempts::UsedTemplate;
use tidings_db::notifications::ClaimedNotification;
use tidings_db::templates::TemplateRow;
use tidings_domain::content::{ChannelContent, FieldProblem, Json, Object, TemplateRef};

use super::prepare::Unsendable;

static RENDER_DURATION: LazyLock<Histogram> =
    LazyLock::new(|| histogram!("tidings_template_render_seconds"));

/// Makes the process export the duration of rendering before there is anything to render.
pub(super) fn register_metrics() {
    LazyLock::force(&RENDER_DURATION);
}

/// What the payload of a notification contains.
pub(super) enum Draft<T> {
    /// The payload is the content.
    Content(T),
    /// The variables of a template, which renders the content.
    Template {
        wanted: TemplateRef,
        variables: Object,
    },
}

impl<T: ChannelContent + Send + 'static> Draft<T> {
    /// Reads the payload of a notification.
    ///
    /// # Errors
    ///
    /// Fails if the payload is no content of the channel.
    pub(super) fn read(claimed: &ClaimedNotification) -> Result<Self, Failure> {
        let payload = Json::object(&claimed.payload)
            .map_err(|_| Failure::new("invalid_payload", "the payload is not a JSON object"))?;
        match claimed.template.clone() {
            Some(wanted) => Ok(Self::Template {
                wanted,
                variables: payload,
            }),
            None => match T::from_payload(&payload) {
                Ok(content) => Ok(Self::Content(content)),
                Err(problems) => Err(invalid_content("invalid_payload", &problems)),
            },
        }
    }
}

/// Renders the template that was found for `wanted`, with `variables` and `own_variable`. Returns the content and the
/// template.
///
/// # Errors
///
/// Fails if there is no template, or if it makes no content of the channel.
pub(super) async fn render<T: ChannelContent + Send + 'static>(
    wanted: &TemplateRef,
    template: Option<TemplateRow>,
    variables: Object,
    own_variable: Option<(&'static str, Json)>,
) -> Result<(T, UsedTemplate), Unsendable> {
    let Some(template) = template else {
        let detail = format!("there is no template {:?} for {}", wanted.name, T::CHANNEL);
        return Err(Failure::new("template_missing", detail).into());
    };
    let used = UsedTemplate {
        name: template.name.clone(),
        locale: template.locale.clone(),
        version: template.version,
    };
    match content(template, variables, own_variable).await {
        Ok(content) => Ok((content, used)),
        Err(failure) => Err(Unsendable {
            failure,
            template: Some(used),
        }),
    }
}

/// Renders a template with its variables, on a thread for blocking work, because a template may take long.
async fn content<T: ChannelContent + Send + 'static>(
    template: TemplateRow,
    mut variables: Object,
    own_variable: Option<(&'static str, Json)>,
) -> Result<T, Failure> {
    let rendering = tokio::task::spawn_blocking(move || {
        let own_name = own_variable.map(|(name, value)| {
            variables.insert(name.to_owned(), value);
            name
        });
        let start = Instant::now();
        let rendered = tidings_templates::render(template.source(), &variables);
        RENDER_DURATION.record(start.elapsed());
        let rendered =
            rendered.map_err(|error| Failure::quoting("template_error", error.to_string()))?;
        // The payload has what the client has given.
        if let Some(name) = own_name {
            variables.remove(name);
        }
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
