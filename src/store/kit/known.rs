//! Which secrets a list has just shown, so that each need not be looked for again: for stores that read by an
//! id, not by a name.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::SecretName;

/// How long a list counts. Later, another secret may have got the same name.
const LIFETIME: Duration = Duration::from_secs(30);

/// The id of each name that one secret has.
pub type Ids = HashMap<SecretName, String>;

/// The ids of the last list. Each is used once: a later lookup looks for its name again.
#[derive(Debug, Default)]
pub struct Known(Mutex<Option<(Instant, Ids)>>);

impl Known {
    /// Keeps the ids of a new list.
    pub fn keep(&self, ids: Ids) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), ids));
    }

    /// Whether the ids of all names are known.
    pub fn has_all(&self, names: &[SecretName]) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.as_ref().filter(|(since, _)| since.elapsed() < LIFETIME);
        fresh.is_some_and(|(_, ids)| names.iter().all(|name| ids.contains_key(name)))
    }

    /// The id of `name`, which is not known any more then.
    pub fn take(&self, name: &SecretName) -> Option<String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|(since, _)| since.elapsed() >= LIFETIME) {
            *known = None;
        }
        known.as_mut()?.1.remove(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_used_once() {
        let known = Known::default();
        let names = ["a", "b"].map(SecretName::from);
        assert!(known.take(&names[0]).is_none() && !known.has_all(&names));
        known.keep(names.iter().map(|name| (name.clone(), name.as_str().to_uppercase())).collect());
        assert!(known.has_all(&names));
        assert_eq!(known.take(&names[0]).as_deref(), Some("A"));
        assert!(known.take(&names[0]).is_none() && !known.has_all(&names) && known.has_all(&names[1..]));
    }
}
