use tokio::sync::watch;

/// How many messages may be taken from a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// As many as there is room for.
    All,
    /// One at a time, to find out whether more may follow.
    One,
    /// None: what waits stays in its queue.
    None,
}

/// Tells a consumer how many messages to take; whoever does the work sets it. Open at first.
#[derive(Debug)]
pub struct Gate(watch::Sender<Flow>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(Flow::All))
    }
}

impl Gate {
    /// Lets `flow` through from now on.
    pub fn set(&self, flow: Flow) {
        self.0.send_if_modified(|current| {
            let changed = *current != flow;
            *current = flow;
            changed
        });
    }

    /// What it lets through.
    #[must_use]
    pub fn flow(&self) -> Flow {
        *self.0.borrow()
    }

    /// Waits until it lets something through, and tells what.
    pub(super) async fn passable(&self) -> Flow {
        self.until(|flow| flow != Flow::None).await
    }

    /// Waits until it lets through something else than `flow`.
    pub(super) async fn change_from(&self, flow: Flow) {
        self.until(|current| current != flow).await;
    }

    async fn until(&self, wanted: impl Fn(Flow) -> bool) -> Flow {
        let mut changes = self.0.subscribe();
        let found = changes.wait_for(|flow| wanted(*flow)).await;
        let found = found.map(|flow| *flow).ok();
        match found {
            Some(flow) => flow,
            // The sender is ours and lives as long as we do.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_gate_is_passable_once_it_is_opened() {
        let gate = Gate::default();
        assert_eq!(gate.passable().await, Flow::All);
        gate.set(Flow::None);
        let (flow, ()) = tokio::join!(gate.passable(), async { gate.set(Flow::One) });
        assert_eq!(flow, Flow::One);
        tokio::join!(gate.change_from(Flow::One), async { gate.set(Flow::All) });
    }
}
