mod parameters;
mod rate_limits;

use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::{Modify, OpenApi};

use self::parameters::{ParameterValues, operations};
use self::rate_limits::RateLimited;
use crate::handlers::{
    audit, auth, categories, channels, contacts, dashboard, dead_letters, inbox, invites, jobs,
    keys, lookup, me, messaging, notifications, overview, preferences, probes, recover, schedules,
    sending, statistics, system, template_drafts, templates, unsubscribe, users, v1,
    webhook_endpoints,
};

/// The OpenAPI document.
#[derive(OpenApi)]
#[openapi(
    info(title = "Tidings", description = "Notifications that are never lost and never doubled."),
    paths(
        notifications::create::handle,
        notifications::batch::create::handle,
        notifications::list::handle,
        notifications::find::handle,
        notifications::cancel::handle,
        notifications::cancel_group::handle,
        notifications::reschedule::handle,
        notifications::attempts::handle,
        notifications::export::handle,
        notifications::payload::handle,
        notifications::content::handle,
        notifications::content_page::handle,
        notifications::timeline::handle,
        schedules::list::handle,
        schedules::create::handle,
        schedules::find::handle,
        schedules::update::handle,
        schedules::delete::handle,
        schedules::pause::handle,
        schedules::resume::handle,
        schedules::preview::handle,
        auth::register::handle,
        auth::login::handle,
        auth::refresh::handle,
        auth::logout::handle,
        auth::logout_all::handle,
        auth::password::handle,
        auth::verify::handle,
        auth::forgot::handle,
        auth::reset::handle,
        auth::recover_account::handle,
        recover::show::handle,
        recover::cancel::handle,
        invites::create::handle,
        inbox::list::handle,
        inbox::counts::handle,
        inbox::read::handle,
        inbox::unread::handle,
        inbox::archive::handle,
        inbox::unarchive::handle,
        inbox::state::handle,
        inbox::read_all::handle,
        inbox::stream_ticket::handle,
        inbox::stream::handle,
        me::find::handle,
        me::update::handle,
        me::delete::handle,
        me::settings::find::handle,
        me::settings::update::handle,
        me::sessions::list::handle,
        me::sessions::end::handle,
        users::list::handle,
        users::create::handle,
        users::batch::create::handle,
        users::find::handle,
        users::put::handle,
        users::update::handle,
        users::delete::handle,
        users::deletion::handle,
        users::recover::handle,
        users::role::handle,
        users::settings::find::handle,
        users::settings::update::handle,
        keys::list::handle,
        keys::create::handle,
        keys::find::handle,
        keys::update::handle,
        keys::revoke::handle,
        keys::rotate::handle,
        contacts::find::handle,
        contacts::send_code::handle,
        contacts::email::find::handle,
        contacts::email::set::handle,
        contacts::email::delete::handle,
        contacts::phone_numbers::list::handle,
        contacts::phone_numbers::create::handle,
        contacts::phone_numbers::delete::handle,
        contacts::device_tokens::list::handle,
        contacts::device_tokens::create::handle,
        contacts::device_tokens::delete::handle,
        webhook_endpoints::list::handle,
        webhook_endpoints::create::handle,
        webhook_endpoints::find::handle,
        webhook_endpoints::update::handle,
        webhook_endpoints::delete::handle,
        webhook_endpoints::rotate_secret::handle,
        webhook_endpoints::ping::handle,
        templates::list::handle,
        templates::list_by_name::handle,
        templates::find::handle,
        templates::put::handle,
        templates::delete::handle,
        templates::versions::handle,
        templates::preview::handle,
        templates::preview_page::handle,
        templates::uses::handle,
        template_drafts::preview::handle,
        template_drafts::preview_page::handle,
        categories::list::handle,
        categories::find::handle,
        categories::put::handle,
        categories::delete::handle,
        preferences::find::handle,
        preferences::update::handle,
        preferences::find_own::handle,
        preferences::update_own::handle,
        sending::status::handle,
        sending::stop::handle,
        sending::start::handle,
        channels::list::handle,
        channels::probe::handle,
        overview::find::handle,
        lookup::find::handle,
        system::findings::handle,
        system::retention::handle,
        system::settings::handle,
        messaging::start::handle,
        messaging::stop::handle,
        messaging::sent::handle,
        audit::list::handle,
        dead_letters::list::handle,
        dead_letters::groups::handle,
        dead_letters::find::handle,
        dead_letters::replay::handle,
        dead_letters::purge::handle,
        jobs::list::handle,
        jobs::find::handle,
        jobs::update::handle,
        jobs::pause::handle,
        jobs::resume::handle,
        jobs::abort::handle,
        statistics::series::handle,
        statistics::queues::handle,
        dashboard::log_in::handle,
        dashboard::find::handle,
        dashboard::log_out::handle,
        v1::create_user::handle,
        v1::create_notification::handle,
        v1::list_notifications::handle,
        v1::find_notification::handle,
        v1::cancel_notification::handle,
        unsubscribe::show::handle,
        unsubscribe::submit::handle,
        probes::health,
        probes::ready,
        probes::live,
        probes::metrics,
    ),
    modifiers(&Credentials, &ParameterValues, &RateLimited)
)]
struct ApiDocument;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("A JWT, or an API key"))
            .build();
        let key = ApiKeyValue::with_description("X-Api-Key", "An API key");
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        let session = ApiKeyValue::with_description(
            "__Host-tidings",
            "A session of the dashboard (`tidings` by http on the same machine). Changes also need the header `X-CSRF-Token`",
        );
        components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(key)));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
        // What needs a token takes any of them.
        let scopes: [&str; 0] = [];
        let token = SecurityRequirement::new("bearer", scopes);
        let items = document.paths.paths.values_mut();
        for requirements in items
            .flat_map(operations)
            .filter_map(|operation| operation.security.as_mut())
        {
            if requirements.contains(&token) {
                requirements.push(SecurityRequirement::new("apiKey", scopes));
                requirements.push(SecurityRequirement::new("session", scopes));
            }
        }
    }
}

/// The OpenAPI document that `GET /api/openapi.json` serves.
pub fn document() -> utoipa::openapi::OpenApi {
    ApiDocument::openapi()
}
