use tokio::sync::watch;

/// How many messages a consumer takes from its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// As many as its options allow.
    Unlimited,
    /// One at a time, to find out whether more can be processed.
    OneAtATime,
    /// None: the messages stay in the queue.
    Stopped,
}

/// Controls how many messages a consumer takes. The processor sets it. Initially unlimited.
#[derive(Debug)]
pub struct FlowControl(watch::Sender<Flow>);

impl Default for FlowControl {
    fn default() -> Self {
        Self(watch::Sender::new(Flow::Unlimited))
    }
}

impl FlowControl {
    /// Sets the flow.
    pub fn set(&self, flow: Flow) {
        self.0.send_if_modified(|current| {
            let changed = *current != flow;
            *current = flow;
            changed
        });
    }

    /// Returns the current flow.
    #[must_use]
    pub fn flow(&self) -> Flow {
        *self.0.borrow()
    }

    /// Waits until the flow is not stopped, and returns it.
    pub(super) async fn wait_until_flowing(&self) -> Flow {
        self.wait_for(|flow| flow != Flow::Stopped).await
    }

    /// Waits until the flow is other than `flow`.
    pub(super) async fn wait_for_change_from(&self, flow: Flow) {
        self.wait_for(|current| current != flow).await;
    }

    async fn wait_for(&self, condition: impl Fn(Flow) -> bool) -> Flow {
        let mut changes = self.0.subscribe();
        let found = changes.wait_for(|flow| condition(*flow)).await;
        let found = found.map(|flow| *flow).ok();
        match found {
            Some(flow) => flow,
            // Never happens: waiting fails only without a sender, and `self` is the sender.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stopped_flow_can_be_waited_for() {
        let flow_control = FlowControl::default();
        assert_eq!(flow_control.wait_until_flowing().await, Flow::Unlimited);
        flow_control.set(Flow::Stopped);
        let (flow, ()) = tokio::join!(flow_control.wait_until_flowing(), async {
            flow_control.set(Flow::OneAtATime);
        });
        assert_eq!(flow, Flow::OneAtATime);
        tokio::join!(flow_control.wait_for_change_from(Flow::OneAtATime), async {
            flow_control.set(Flow::Unlimited);
        });
    }
}
