//! Answers from figures that several dashboards share: the one question that many people have open is answered once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::Bytes;
use tidings_domain::overview::StatsFigures;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// How long an answer is good for. Figures are saved every 10 s.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// How many bytes of answers are kept.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How many answers are kept.
const MAX_ANSWERS: usize = 16;

/// What is shared.
pub trait Answer: Clone {
    /// Its size in memory.
    fn bytes(&self) -> usize;
}

impl Answer for Bytes {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Answer for StatsFigures {
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// The answers `A` to the last questions `Q`, and those that are being found.
#[derive(Debug)]
pub struct SharedAnswers<Q, A> {
    /// The oldest first.
    asked: Mutex<Vec<Asked<Q, A>>>,
}

#[derive(Debug)]
struct Asked<Q, A> {
    question: Q,
    at: Instant,
    answer: Arc<OnceCell<A>>,
}

impl<Q, A> Default for SharedAnswers<Q, A> {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
        }
    }
}

impl<Q: PartialEq, A: Answer> SharedAnswers<Q, A> {
    /// Returns the answer of another caller to the same question if it began less than 5 s ago, and otherwise that of `find`. If
    /// `find` fails, or its caller goes away, another caller who waits finds the answer.
    ///
    /// # Errors
    ///
    /// Returns the error of `find`.
    pub async fn get<E>(
        &self,
        question: Q,
        find: impl AsyncFnOnce() -> Result<A, E>,
    ) -> Result<A, E> {
        let answer = self.cell(question);
        answer.get_or_try_init(|| find()).await.cloned()
    }

    fn cell(&self, question: Q) -> Arc<OnceCell<A>> {
        let now = Instant::now();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|one| now.duration_since(one.at) < FRESH_FOR);
        if let Some(known) = asked.iter().find(|one| one.question == question) {
            return Arc::clone(&known.answer);
        }
        while asked.len() >= MAX_ANSWERS || bytes(&asked) > MAX_BYTES {
            asked.remove(0);
        }
        let answer = Arc::new(OnceCell::new());
        asked.push(Asked {
            question,
            at: now,
            answer: Arc::clone(&answer),
        });
        answer
    }
}

fn bytes<Q, A: Answer>(asked: &[Asked<Q, A>]) -> usize {
    let found = asked.iter().filter_map(|one| one.answer.get());
    found.map(Answer::bytes).sum()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use futures_util::future::join3;
    use tokio::task::yield_now;
    use tokio::time::advance;

    use super::*;

    const ASK: Duration = Duration::from_millis(4999);

    #[tokio::test(start_paused = true)]
    async fn callers_at_the_same_time_and_soon_afterwards_share_one_answer() {
        let (answers, found) = (SharedAnswers::default(), Cell::new(0));
        let ask = |question: u8| {
            let (answers, found) = (&answers, &found);
            async move {
                let find = async || {
                    found.set(found.get() + 1);
                    let text = format!("{question} {}", found.get());
                    yield_now().await;
                    Ok::<_, Infallible>(Bytes::from(text))
                };
                answers.get(question, find).await.expect("an answer")
            }
        };
        let (first, second, other) = join3(ask(1), ask(1), ask(2)).await;
        assert_eq!(
            (&*first, &*second, &*other),
            (&b"1 1"[..], &b"1 1"[..], &b"2 2"[..])
        );
        advance(ASK).await;
        assert_eq!(&*ask(1).await, b"1 1");
        advance(Duration::from_millis(1)).await;
        assert_eq!(&*ask(1).await, b"1 3");
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_not_kept() {
        let answers = SharedAnswers::default();
        let failed = answers.get(1, async || Err("away")).await;
        assert_eq!(failed, Err("away"));
        let found = answers
            .get(1, async || Ok::<_, &str>(Bytes::from_static(b"here")))
            .await;
        assert_eq!(found, Ok(Bytes::from_static(b"here")));
    }

    #[tokio::test(start_paused = true)]
    async fn neither_many_answers_nor_large_ones_are_kept() {
        let answers = SharedAnswers::default();
        let large = Bytes::from(vec![b'x'; MAX_BYTES / 4]);
        for question in 0..100 {
            let find = async || Ok::<_, Infallible>(large.clone());
            answers.get(question, find).await.expect("an answer");
            let asked = answers.asked.lock().expect("the lock");
            assert!(bytes(&asked) <= MAX_BYTES + large.len());
        }
        for question in 100..200 {
            let find = async || Ok::<_, Infallible>(Bytes::new());
            answers.get(question, find).await.expect("an answer");
            let asked = answers.asked.lock().expect("the lock");
            assert!(asked.len() <= MAX_ANSWERS);
        }
    }
}
