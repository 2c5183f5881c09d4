use tidings_broker::PublishError;

use super::*;

const SENDER: &str = "orders";

fn idempotency() -> Idempotency {
    Idempotency {
        registry: Arc::default(),
        lookup: None,
        wait: Duration::from_secs(5),
    }
}

fn request(id: MessageId, byte: u8) -> KeyedRequest {
    let fingerprint = Fingerprint::from_bytes(&[1, byte].repeat(9)[..17]).expect("17 bytes");
    KeyedRequest { id, fingerprint }
}

async fn first(idempotency: &Idempotency, request: KeyedRequest) -> FirstRequest {
    match idempotency.begin(request, SENDER).await {
        Begun::First(first) => first,
        Begun::Answered(result) => panic!("answered: {result:?}"),
    }
}

async fn answer(idempotency: &Idempotency, request: KeyedRequest) -> Result<(), NotStored> {
    match idempotency.begin(request, SENDER).await {
        Begun::First(_) => panic!("it is the first"),
        Begun::Answered(result) => result,
    }
}

fn lost() -> Result<(), NotStored> {
    Err(PublishError::TimedOut.into())
}

#[tokio::test]
async fn what_is_stored_answers_the_same_request_and_refuses_another_one() {
    let (idempotency, id) = (idempotency(), MessageId::generate());
    first(&idempotency, request(id, 1)).await.finish(&Ok(()));
    assert!(answer(&idempotency, request(id, 1)).await.is_ok());
    let reused = answer(&idempotency, request(id, 2)).await;
    assert!(matches!(reused, Err(NotStored::KeyReused)), "{reused:?}");
}

#[tokio::test]
async fn a_request_that_fails_answers_the_same_one_and_gives_way_to_another() {
    let (idempotency, id) = (idempotency(), MessageId::generate());
    let earlier = first(&idempotency, request(id, 1)).await;
    let same = answer(&idempotency, request(id, 1));
    let other = first(&idempotency, request(id, 2));
    let finish = async { earlier.finish(&lost()) };
    let (same, other, ()) = tokio::join!(same, other, finish);
    assert!(matches!(same, Err(NotStored::Publish(_))), "{same:?}");
    other.finish(&Ok(()));
    let reused = answer(&idempotency, request(id, 1)).await;
    assert!(matches!(reused, Err(NotStored::KeyReused)), "{reused:?}");
}

#[tokio::test]
async fn if_the_client_of_the_first_disconnects_the_next_is_the_first() {
    let (idempotency, id) = (idempotency(), MessageId::generate());
    let earlier = first(&idempotency, request(id, 1)).await;
    let next = first(&idempotency, request(id, 1));
    let (next, ()) = tokio::join!(next, async { drop(earlier) });
    next.finish(&Ok(()));
    assert!(answer(&idempotency, request(id, 1)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_the_first_no_longer_than_a_publish_may_take() {
    let (idempotency, id) = (idempotency(), MessageId::generate());
    let earlier = first(&idempotency, request(id, 1)).await;
    let began = Instant::now();
    let beside = first(&idempotency, request(id, 1)).await;
    assert_eq!(began.elapsed().as_secs(), 5);
    beside.finish(&lost());
    let waiting = answer(&idempotency, request(id, 1));
    let (waiting, ()) = tokio::join!(waiting, async { earlier.finish(&Ok(())) });
    assert!(waiting.is_ok(), "the first is still the one that counts");
}

/// Two batches with the same keys in another order must not wait for each other.
#[tokio::test]
async fn requests_that_begin_together_wait_for_none() {
    let (idempotency, [one, other]) = (idempotency(), [(); 2].map(|()| MessageId::generate()));
    let begin_all = async |ids: [MessageId; 3]| {
        let requests = ids.map(|id| request(id, 1));
        idempotency.begin_together(&requests, SENDER).await
    };
    let both = begin_all([one, one, other]).await;
    let is_first = |begun: &BegunTogether| matches!(begun, BegunTogether::Begun(Begun::First(_)));
    assert_eq!(
        both.iter().map(is_first).collect::<Vec<_>>(),
        [true, false, true]
    );
    let third = MessageId::generate();
    let others = begin_all([other, one, third]).await;
    assert_eq!(
        others.iter().map(is_first).collect::<Vec<_>>(),
        [false, false, true]
    );
    drop(both);
    let again = begin_all([one, other, third]).await;
    assert_eq!(
        again.iter().map(is_first).collect::<Vec<_>>(),
        [true, true, false]
    );
}
