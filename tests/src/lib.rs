//! The harness of the end-to-end tests: a virtual host and a database for each test, the real programs on them,
//! and clients for all of these.
//!
//! Nothing is mocked and no test is skipped: if a server or a program is missing, the test fails and says what to
//! run.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a harness fails the test, with a message, by panicking"
)]

mod aborted_statements;
mod amqp;
mod cleanup;
mod client;
mod cluster;
mod database;
mod dev_clone;
mod event_stream;
mod frozen;
mod instance;
mod late_answers;
mod load;
mod logs;
mod management;
mod metrics;
mod mock_http_server;
mod observed_instance;
mod origin;
mod pgbouncer;
mod poll;
mod private_server;
mod probe;
mod program;
mod raw_amqp;
mod response;
mod scripted_smtp;
pub mod secret_keys;
mod servers;
mod shared;
mod smtp_server;
mod template;
mod timeline;
pub mod tokens;
mod vhost;
mod world;

pub use amqp::{Amqp, AmqpMessage, text_header};
pub use client::{Answer, Client};
pub use cluster::{PrivateCluster, Replicas};
pub use database::TestDatabase;
pub use dev_clone::{DevClone, HeldStart};
pub use event_stream::{EventStream, StreamEvent};
pub use frozen::Frozen;
pub use late_answers::LateAnswers;
pub use load::{Load, Pace, Post, PostOutcome, Posted};
pub use logs::Logs;
pub use management::{Management, QueueState};
pub use metrics::Scrape;
pub use mock_http_server::{MockHttpServer, Received};
pub use observed_instance::ObservedInstance;
pub use origin::origin;
pub use pgbouncer::PgBouncer;
pub use poll::{eventually, eventually_ok, secs};
pub use private_server::{PrivateServer, ServerKind};
pub use probe::{Arrival, Probe};
pub use program::{Program, ProgramKind};
pub use raw_amqp::{RawAmqp, broken_name, nested_arrays, nested_tables, text_entry};
pub use response::Response;
pub use scripted_smtp::{ScriptedSmtp, SmtpScript};
pub use servers::{ServerUrls, program_path, required};
pub use shared::SharedApi;
pub use smtp_server::{ReceivedMail, SmtpOptions, SmtpServer};
pub use timeline::outcomes;
pub use vhost::Vhost;
pub use world::{EnvVars, World, notification};
