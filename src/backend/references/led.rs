//! Which secrets a value led to, so that refreshing an id refreshes these, too.

use std::sync::{Arc, Mutex, PoisonError};

use crate::layers::cache::Shelf;
use crate::store::SecretName;

/// The approximate size of an entry besides its names, in bytes.
const OVERHEAD: usize = 150;
const MOST: usize = 2000;
const MOST_BYTES: usize = 1_000_000;

/// A member's position, and a name in it.
pub(in crate::backend) type Target = (usize, SecretName);

/// By the name of the secret that held the references. It is made with the first of them.
#[derive(Debug, Default)]
pub(in crate::backend) struct Led(Mutex<Option<Shelf<SecretName, Arc<[Target]>>>>);

impl Led {
    /// The secrets that `name` led to when it was last read.
    pub(in crate::backend) fn by(&self, name: &SecretName) -> Vec<Target> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_mut().and_then(|known| known.get(name)).map(|targets| targets.to_vec()).unwrap_or_default()
    }

    pub(super) fn keep(&self, name: &SecretName, targets: Vec<Target>) {
        let length = |name: &SecretName| name.as_str().len();
        let weight =
            OVERHEAD + length(name) + targets.iter().map(|(_, name)| OVERHEAD + length(name)).sum::<usize>();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| Shelf::new(MOST, MOST_BYTES)).put(name.clone(), targets.into(), weight);
    }
}
