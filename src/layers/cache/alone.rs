//! Reads that no other caller shares.

use crate::error::Result;
use crate::layers::cache::{Cache, Cached, Origin};
use crate::store::SecretName;

impl Cache {
    /// Reads `name` for a lookup that foreign code makes within another one. It joins no flight, since the
    /// caller that flies it may be waiting for that very code; its answer is not kept.
    pub(super) async fn read_alone(&self, name: &SecretName) -> Result<Cached> {
        let value = self.inner.get(name).await?;
        let now = self.clock.now();
        Ok(Cached { value, origin: Origin::Store, fetched: now, ask_again: now })
    }
}
