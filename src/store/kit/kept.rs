//! An answer that is kept as long as the service says that it has not changed (RFC 9110, section 13.1.2).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use http::header::ETAG;
use url::Url;

use crate::store::kit::answer::Answer;

/// The last answer that came with an entity tag. The service is asked about it each time, so it is never
/// older than the request.
pub struct Kept<T>(Mutex<Option<Last<T>>>);

/// An answer, what was asked and the tag with which the service recognises it.
pub struct Last<T> {
    question: Url,
    /// For `If-None-Match`.
    pub tag: HeaderValue,
    /// What was made of the answer.
    pub answer: Arc<T>,
}

impl<T> Kept<T> {
    /// Whatever was asked, what was made of the last answer.
    pub fn last(&self) -> Option<Arc<T>> {
        self.lock().as_ref().map(|last| Arc::clone(&last.answer))
    }

    /// The last answer, if `question` is what was asked.
    pub fn of(&self, question: &Url) -> Option<Last<T>> {
        self.lock().clone().filter(|last| last.question == *question)
    }

    /// Keeps what was made of `answer`, if that has a tag, and nothing else.
    pub fn keep(&self, question: &Url, answer: &Answer, made: T) -> Arc<T> {
        let made = Arc::new(made);
        let tag = answer.headers.get(ETAG).cloned();
        let last = |tag| Last { question: question.clone(), tag, answer: Arc::clone(&made) };
        *self.lock() = tag.map(last);
        made
    }

    /// Keeps nothing.
    pub fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Last<T>>> {
        // What is kept is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

// Not derived: that would ask for `T: Clone`.
impl<T> Clone for Last<T> {
    fn clone(&self) -> Self {
        let (question, tag) = (self.question.clone(), self.tag.clone());
        Self { question, tag, answer: Arc::clone(&self.answer) }
    }
}

/// Leaves out the answer, which may be secret.
impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Kept(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_with_its_tag_for_the_same_question() {
        let [asked, other] = ["https://h/a?b=c", "https://h/a"].map(|text| Url::parse(text).unwrap());
        let kept = Kept::default();
        assert!(kept.last().is_none());
        kept.keep(&asked, &Answer::of(200, &[("etag", "\"1\"")], ""), "canary");
        assert!(kept.of(&asked).is_some_and(|last| last.tag == "\"1\"" && *last.answer == "canary"));
        assert!(kept.of(&other).is_none() && kept.last().is_some());
        assert!(!format!("{kept:?}").contains("canary"));
        // Without a tag nothing can be asked about the answer.
        kept.keep(&asked, &Answer::of(200, &[], ""), "canary");
        assert!(kept.last().is_none());
        kept.keep(&asked, &Answer::of(200, &[("etag", "\"2\"")], ""), "canary");
        kept.forget();
        assert!(kept.last().is_none());
    }
}
