//! End-to-end tests of the programs, on a real RabbitMQ and a real PostgreSQL.

#![expect(
    clippy::expect_used,
    reason = "a test fails by panicking, and so do the functions that tests share"
)]

mod admission;
mod arbitrary_requests;
mod attempts;
mod bad_messages;
mod bad_tokens;
mod batches;
mod broker_addresses;
mod changed_settings;
mod channels;
mod chaos;
mod config_command;
mod confirms;
mod connection_limits;
mod contacts;
mod db_claims;
mod db_delivery_attempts;
mod db_device_tokens;
mod db_migrations;
mod db_notifications;
mod db_phone_numbers;
mod db_templates;
mod db_transactions;
mod db_transitions;
mod db_users;
mod db_webhook_endpoints;
mod dead_letter_tool;
mod deferring;
mod deleted_queues;
mod delivery;
mod doctor;
mod document_links;
mod documented_tests;
mod edge_payloads;
mod emails;
mod example_settings;
mod hostile_headers;
mod http_errors;
mod idempotency;
mod idle_connections;
mod issuers;
mod kills;
mod ladder;
mod log_lines;
mod openapi;
mod operator_tool;
mod pages;
mod payloads;
mod post_responses;
mod private_broker;
mod private_postgres;
mod probes;
mod publishing_connections;
mod read_only_database;
mod reading;
mod recorded_once;
mod rendering;
mod schemathesis;
mod scopes;
mod security_headers;
mod servers_down;
mod shutdown;
mod smtp;
mod smtp_replies;
mod sources;
mod template_previews;
mod templates;
mod webhook_endpoints;
mod webhook_provider;
mod webhooks;
mod worker_start;
mod wrong_settings;
