//! Many secrets with one request, from a service that answers with an object of names and values.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use reqwest::Request;

use crate::error::Result;
use crate::store::SecretName;
use crate::store::kit::from_json::secret_from_json;
use crate::store::kit::kept::Kept;
use crate::store::kit::service::Service;
use crate::value::SecretValue;
use crate::value::json::Object;

/// The longest list of names in an address. Servers take 8 KiB; beyond this, everything is asked for.
const LONGEST_LIST: usize = 4000;

/// A number of names for which no store has secrets: a download takes any.
pub const ANY_NUMBER: NonZeroUsize = NonZeroUsize::new(2000).unwrap();

/// What a download holds of the names that it was made for.
type Found = BTreeMap<SecretName, Option<SecretValue>>;

/// The last download of a service. It is kept while the service says that it has not changed.
#[derive(Debug)]
pub struct Downloads {
    last: Kept<Found>,
    /// Whether a secret that is not shown is not there; else it has to be asked for by itself.
    shows_all: bool,
}

impl Downloads {
    /// None yet. `shows_all` says that a download lacks nothing but what is absent.
    pub fn new(shows_all: bool) -> Self {
        Self { last: Kept::default(), shows_all }
    }

    /// Reads `name` by asking for the last download again, of which no more is sent than what has changed;
    /// `None` if that says nothing of the name.
    pub async fn again(
        &self,
        service: &Service,
        name: &SecretName,
        request: impl FnOnce(Option<&str>) -> Result<Request> + Send,
    ) -> Option<Result<Option<SecretValue>>> {
        let is_answered = self.last.last().is_some_and(|last| self.answer(&last, name).is_some());
        if !is_answered {
            return None;
        }
        self.read(service, std::slice::from_ref(name), request).await.pop().flatten()
    }

    /// Reads `names`, as [`crate::store::Store::get_many`] does. `request` makes the request for a list of
    /// names, separated by commas, or for everything there is.
    pub async fn read(
        &self,
        service: &Service,
        names: &[SecretName],
        request: impl FnOnce(Option<&str>) -> Result<Request> + Send,
    ) -> Vec<Option<Result<Option<SecretValue>>>> {
        match self.download(service, names, request).await {
            Ok(found) => names.iter().map(|name| self.answer(&found, name)).collect(),
            Err(error) => vec![Some(Err(error.with_operation("download"))); names.len()],
        }
    }

    async fn download(
        &self,
        service: &Service,
        names: &[SecretName],
        request: impl FnOnce(Option<&str>) -> Result<Request> + Send,
    ) -> Result<Arc<Found>> {
        // As a whole once more if it has all of the names, since its entity tag is of the whole.
        let last = self.last.last().filter(|last| names.iter().all(|name| last.contains_key(name)));
        // Sorted, so that the same names make the same request.
        let wanted: BTreeSet<SecretName> = match &last {
            Some(last) => last.keys().cloned().collect(),
            None => names.iter().cloned().collect(),
        };
        let joined = wanted.iter().map(SecretName::as_str).collect::<Vec<_>>().join(",");
        let request = request(Some(&*joined).filter(|joined| joined.len() <= LONGEST_LIST))?;
        let subject = format!("downloading {} secrets", wanted.len());
        let value = |answer: &Object, name: &SecretName| answer.get(name.as_str()).and_then(secret_from_json);
        let read =
            |answer: &Object| wanted.into_iter().map(|name| (name.clone(), value(answer, &name))).collect();
        service.kept(&self.last, request, &subject, read).await
    }

    /// What a download says of a name; `None` if that is nothing.
    fn answer(&self, found: &Found, name: &SecretName) -> Option<Result<Option<SecretValue>>> {
        let value = found.get(name)?.clone();
        (value.is_some() || self.shows_all).then_some(Ok(value))
    }
}
