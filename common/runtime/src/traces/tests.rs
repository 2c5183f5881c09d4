use tidings_domain::trace::TraceContext;

use super::*;

fn caller() -> TraceContext {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    TraceContext::read(parent, Some("vendor=a,other=b")).expect("valid")
}

#[tokio::test]
async fn without_a_collector_the_context_of_a_caller_is_passed_on() {
    assert_eq!(current(), None);
    let span = Span::server("POST", Some(&caller()));
    assert!(!span.is_recorded());
    assert_eq!(span.context(), None);
    let caller = caller();
    let seen = scope(Some(&caller), async {
        tokio::task::yield_now().await;
        current()
    });
    assert_eq!(seen.await, Some(caller.clone()));
    assert_eq!(scope(None, async { current() }).await, None);
    assert_eq!(current(), None);
}

#[test]
fn a_span_that_is_not_recorded_is_not_described() {
    let describe = || -> (&'static str, Vec<KeyValue>) { panic!("not recorded") };
    let caller = caller();
    let span = Span::child(Kind::Client, Some(&caller), describe);
    assert!(!span.is_recorded());
    assert!(!Span::child_of_current(Kind::Client, describe).is_recorded());
    assert!(!Span::root(Kind::Consumer, [&caller].into_iter(), describe).is_recorded());
    span.set(semconv::ATTEMPT, 1);
    span.fail("timeout");
}
