use super::group;

group! {
    "Delivery"
    /// Time from when a notification was due (its acceptance, `sendAt`, the end of quiet hours or its replay) until it was
    /// delivered. Scheduled in-app notifications are not counted.
    tidings_delivery_lag_seconds: Histogram [Api Worker] ["channel"];
    /// Delivery attempts.
    tidings_delivery_attempts_total: Counter [Worker] ["channel" "provider" "outcome"];
    /// Duration of delivery attempts.
    tidings_delivery_seconds: Histogram [Worker] ["channel" "provider"];
    /// Notifications that this process is sending.
    tidings_sends_in_flight: Gauge [Worker] ["channel"];
    /// How many it sends at once.
    tidings_sends_in_flight_limit: Gauge [Worker] ["channel"];
    /// Transactions that claim notifications or record results.
    tidings_delivery_transactions_total: Counter [Worker] ["channel" "step"];
    /// Duration of rendering a template for a notification, also if it fails.
    tidings_template_render_seconds: Histogram [Worker] [];
    /// 1 while the provider of a channel is down and the channel takes no messages.
    tidings_provider_away: Gauge [Worker] ["channel" "provider"];
    /// 1 while the provider of a channel is down because it refuses the credentials.
    tidings_provider_credentials_refused: Gauge [Worker] ["channel" "provider"];
    /// 1 while a channel is paused because its provider limits the rate.
    tidings_channel_paused: Gauge [Worker] ["channel" "provider"];
    /// 1 while an operator has stopped a channel.
    tidings_sending_stopped: Gauge [Api Worker] ["channel"];
    /// Webhook destinations (host and port) that are down.
    tidings_webhook_destinations_away: Gauge [Worker] [];
    /// Webhook URLs that limit the rate.
    tidings_webhook_urls_throttled: Gauge [Worker] [];
    /// Webhooks that wait for a slow answer without keeping others from being sent.
    tidings_webhook_long_sends: Gauge [Worker] [];
    /// Notifications beyond `USER_LIMITS`; `result`: `held` for 5 s, or `suppressed`.
    tidings_user_limit_exceeded_total: Counter [Worker] ["channel" "result"];
    /// Notifications that were made to wait for the end of quiet hours.
    tidings_quiet_hours_held_total: Counter [Worker] ["channel"];
}
