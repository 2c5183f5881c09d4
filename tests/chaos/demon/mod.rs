//! Whoever breaks things.

mod act;
mod leader;
mod perform;
mod schedule;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until as wait_until, timeout_at};
use tokio_util::sync::CancellationToken;

pub use act::Kind;
use act::{Act, Deed};
pub use schedule::Schedule;

use crate::clients::Tally;
use crate::installation::Installation;
use perform::perform;

/// How many acts may go on at once.
const AT_ONCE: usize = 2;

/// How often something of each kind was done.
pub type Faults = BTreeMap<Kind, u32>;

/// What the demon has done.
#[derive(Debug, Default)]
pub struct Deeds {
    /// How often something of each kind.
    pub faults: Faults,
    /// The longest time without a 202 of a process of the API after the death of a leader; `None` where
    /// none was killed.
    pub gap_after_leader: Option<Duration>,
}

/// Breaks things by `schedule` for a while, then heals all. Notes in `deeds` what was done; `tally` is of
/// the clients that post meanwhile.
pub async fn rage(
    on: &Arc<Installation>,
    tally: &Arc<Tally>,
    schedule: Schedule,
    how_long: Duration,
    deeds: &mut Deeds,
) -> anyhow::Result<()> {
    let end = Instant::now() + how_long;
    let mut demon = Demon {
        on: Arc::clone(on),
        tally: Arc::clone(tally),
        deeds,
        heal: CancellationToken::new(),
        going_on: Vec::new(),
        acts: JoinSet::new(),
    };
    let mut last = Instant::now();
    for act in schedule {
        demon.pass_time(end.min(last + act.after)).await?;
        demon.make_room(&act, end).await?;
        last = Instant::now();
        if last >= end {
            break;
        }
        demon.begin(act);
    }
    on.story.tell("the demon rests: everything is healed");
    demon.heal.cancel();
    while demon.one_less().await? {}
    Ok(())
}

struct Demon<'a> {
    on: Arc<Installation>,
    tally: Arc<Tally>,
    deeds: &'a mut Deeds,
    /// Ends what goes on.
    heal: CancellationToken,
    going_on: Vec<Act>,
    acts: JoinSet<(Act, anyhow::Result<Option<Duration>>)>,
}

impl Demon<'_> {
    /// Waits until `when`, and sees acts end.
    async fn pass_time(&mut self, when: Instant) -> anyhow::Result<()> {
        while let Ok(ended) = timeout_at(when, self.one_less()).await {
            if !ended? {
                wait_until(when).await;
                break;
            }
        }
        Ok(())
    }

    /// Waits until `act` may begin, but no longer than until `end`.
    async fn make_room(&mut self, act: &Act, end: Instant) -> anyhow::Result<()> {
        while !has_room(&self.going_on, act) {
            match timeout_at(end, self.one_less()).await {
                Ok(ended) => ended?,
                Err(_) => break,
            };
        }
        Ok(())
    }

    fn begin(&mut self, act: Act) {
        self.on.story.tell(format_args!("the demon {act}"));
        *self.deeds.faults.entry(act.kind).or_default() += 1;
        self.going_on.push(act);
        let (on, tally, heal) = (
            Arc::clone(&self.on),
            Arc::clone(&self.tally),
            self.heal.clone(),
        );
        self.acts.spawn(async move {
            let performed = match act.deed {
                Deed::KillLeader => leader::kill(&act, &on, &tally, &heal).await.map(Some),
                _ => perform(&act, &on, &heal).await.map(|()| None),
            };
            (act, performed)
        });
    }

    /// Waits for the end of one act; false where none goes on.
    async fn one_less(&mut self) -> anyhow::Result<bool> {
        let Some(ended) = self.acts.join_next().await else {
            return Ok(false);
        };
        let (act, performed) = ended.context("an act panicked")?;
        let gap = performed.with_context(|| format!("the demon {act}"))?;
        self.deeds.gap_after_leader = self.deeds.gap_after_leader.max(gap);
        self.on
            .story
            .tell(format_args!("healed: {}", act.kind.name()));
        self.going_on.retain(|other| *other != act);
        Ok(true)
    }
}

fn has_room(going_on: &[Act], act: &Act) -> bool {
    going_on.len() < AT_ONCE && going_on.iter().all(|other| act.goes_with(other))
}
