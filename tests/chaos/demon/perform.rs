use std::time::Instant;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::act::{Act, Deed};
use crate::installation::Installation;
use crate::parts::Part;
use crate::pause::wait_or;
use crate::proxy::Weather;

/// RabbitMQ's own settings, which an alarm changes for a while: `disk_free_limit`, and
/// `vm_memory_high_watermark` as it was before version 4.
const DISK_LIMIT: &str = "50MB";
const MEMORY_WATERMARK: &str = "0.4";

/// More free space than any disk has.
const NO_DISK_LIMIT_IS_MET: &str = "1000000GB";
/// Less memory than any node has.
const NO_WATERMARK_IS_MET: &str = "0.00001";

/// How often a server's start is tried: the first may fail because of another fault.
const STARTS: u32 = 3;

/// Does a deed, and undoes it when its time is over or when `heal` says so.
pub async fn perform(act: &Act, on: &Installation, heal: &CancellationToken) -> anyhow::Result<()> {
    let over = || wait_or(act.lasts, heal);
    match act.deed {
        Deed::Kill(part) => {
            kill(part, on).await?;
            over().await;
            start(part, on).await
        }
        Deed::Freeze(part @ (Part::Api(_) | Part::Worker(_))) => {
            on.program(part)?.freeze(over()).await
        }
        Deed::Freeze(server) => {
            let frozen = on.servers.freeze(server)?;
            over().await;
            frozen.thaw();
            Ok(())
        }
        Deed::Restart(part) => {
            stop(part, on).await?;
            start(part, on).await
        }
        Deed::Network(link, weather) => {
            on.set_weather(link, weather)?;
            over().await;
            on.set_weather(link, Weather::Clear)
        }
        Deed::DiskAlarm(node) => {
            limit(on, node, "set_disk_free_limit", NO_DISK_LIMIT_IS_MET).await?;
            over().await;
            limit(on, node, "set_disk_free_limit", DISK_LIMIT).await
        }
        Deed::MemoryAlarm(node) => {
            let tool = "set_vm_memory_high_watermark";
            limit(on, node, tool, NO_WATERMARK_IS_MET).await?;
            over().await;
            limit(on, node, tool, MEMORY_WATERMARK).await
        }
        Deed::TerminateConnections => on.database.terminate_connections().await,
        Deed::ExhaustConnections => on.database.exhaust_connections(over()).await,
        Deed::KillLeader => anyhow::bail!("a leader is killed under a stop-watch"),
    }
}

async fn kill(part: Part, on: &Installation) -> anyhow::Result<()> {
    match part {
        Part::Api(_) | Part::Worker(_) => on.program(part)?.kill(&on.story).await,
        server => on.servers.kill(server).await,
    }
}

async fn stop(part: Part, on: &Installation) -> anyhow::Result<()> {
    match part {
        Part::Api(_) | Part::Worker(_) => {
            let began = Instant::now();
            if let Some(status) = on.program(part)?.stop(&on.story).await? {
                let secs = began.elapsed().as_secs_f64();
                let how = format!("{part} left after {secs:.1} s ({status})");
                on.story.tell(how);
            }
            Ok(())
        }
        server => on.servers.stop(server).await,
    }
}

pub(super) async fn start(part: Part, on: &Installation) -> anyhow::Result<()> {
    if matches!(part, Part::Api(_) | Part::Worker(_)) {
        return on.program(part)?.start().await;
    }
    let mut last = Ok(());
    for _ in 0..STARTS {
        last = on.servers.start(part).await;
        if last.is_ok() {
            break;
        }
    }
    last
}

async fn limit(on: &Installation, node: Part, what: &str, value: &str) -> anyhow::Result<()> {
    // A broker of one node has no other.
    let named = (on.nodes > 1).then_some(node);
    let ctl = on.servers.rabbitmqctl(named, &[what, value]).await;
    ctl.map(drop)
        .with_context(|| format!("{what} {value} on {node}"))
}
