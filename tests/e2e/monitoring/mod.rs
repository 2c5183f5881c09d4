//! What the programs export for Prometheus, and what is made of it: alerts, the runbook and Grafana's dashboard.

mod alerts;
mod exported;
mod names;
mod observing;
