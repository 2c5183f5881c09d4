use std::time::Instant;

use anyhow::Context;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::fault::{Action, Fault};
use crate::components::Component;
use crate::installation::Installation;
use crate::proxy::Conditions;
use crate::timing::wait_or;

/// RabbitMQ's defaults, which an alarm replaces, as Erlang terms: `disk_free_limit`, and `vm_memory_high_watermark`
/// before version 4.
const DISK_LIMIT: &str = "\"50MB\"";
const MEMORY_WATERMARK: &str = "0.4";

/// More free space than any disk has.
const UNREACHABLE_DISK_LIMIT: &str = "\"1000000GB\"";
/// Less memory than any node has.
const UNREACHABLE_WATERMARK: &str = "0.00001";

/// The functions of RabbitMQ that set these limits: module and name.
const DISK: (&str, &str) = ("rabbit_disk_monitor", "set_disk_free_limit");
const MEMORY: (&str, &str) = ("vm_memory_monitor", "set_vm_memory_high_watermark");

/// Attempts to start a server: another fault may make the first fail.
const STARTS: u32 = 3;

/// Applies a fault, and ends it after its duration or when `end` is cancelled.
pub async fn apply(
    fault: &Fault,
    on: &Installation,
    end: &CancellationToken,
) -> anyhow::Result<()> {
    let over = || wait_or(fault.lasts, end);
    match fault.action {
        Action::Kill(component) => {
            kill(component, on).await?;
            over().await;
            start(component, on).await
        }
        Action::Freeze(component) if component.is_program() => {
            on.program(component)?.freeze(over()).await
        }
        Action::Freeze(server) => {
            let frozen = on.servers.freeze(server)?;
            over().await;
            frozen.thaw();
            Ok(())
        }
        Action::Restart(component) => {
            stop(component, on).await?;
            start(component, on).await
        }
        Action::Network(link, conditions) => {
            on.set_conditions(link, conditions)?;
            over().await;
            on.set_conditions(link, Conditions::Normal)
        }
        Action::DiskAlarm(node) => {
            limit(on, node, DISK, UNREACHABLE_DISK_LIMIT).await?;
            over().await;
            limit(on, node, DISK, DISK_LIMIT).await
        }
        Action::MemoryAlarm(node) => {
            limit(on, node, MEMORY, UNREACHABLE_WATERMARK).await?;
            over().await;
            limit(on, node, MEMORY, MEMORY_WATERMARK).await
        }
        Action::TerminateConnections => on.database.terminate_connections().await,
        Action::ExhaustConnections => on.database.exhaust_connections(over()).await,
        Action::StepClock(by) => {
            on.clock.step(by)?;
            over().await;
            on.clock.step(SignedDuration::ZERO)
        }
        Action::KillLeader => anyhow::bail!("leader_kill::kill applies this fault"),
        Action::KillScheduler(_) => anyhow::bail!("scheduler_kill::kill applies this fault"),
    }
}

async fn kill(component: Component, on: &Installation) -> anyhow::Result<()> {
    if component.is_program() {
        return on.program(component)?.kill(&on.log).await;
    }
    on.servers.kill(component).await
}

async fn stop(component: Component, on: &Installation) -> anyhow::Result<()> {
    if !component.is_program() {
        return on.servers.stop(component).await;
    }
    let began = Instant::now();
    if let Some(status) = on.program(component)?.stop(&on.log).await? {
        let secs = began.elapsed().as_secs_f64();
        let how = format!("{component} left after {secs:.1} s ({status})");
        on.log.info(how);
    }
    Ok(())
}

pub(super) async fn start(component: Component, on: &Installation) -> anyhow::Result<()> {
    if component.is_program() {
        return on.program(component)?.start().await;
    }
    let mut last = Ok(());
    for _ in 0..STARTS {
        last = on.servers.start(component).await;
        if last.is_ok() {
            break;
        }
    }
    last
}

/// Sets a limit of a node with the function that the command of `rabbitmqctl` of the same name calls.
async fn limit(
    on: &Installation,
    node: Component,
    (module, function): (&str, &str),
    value: &str,
) -> anyhow::Result<()> {
    let called = on
        .servers
        .call(node, module, function, &format!("[{value}]"))
        .await;
    let what = || format!("{function} {value} on {node}");
    let result = called.with_context(what)?;
    anyhow::ensure!(result == "ok", "{}: {result}", what());
    Ok(())
}
