//! The store on a service in memory.

use aws_sdk_secretsmanager::Client;

use super::SecretsManager;
use crate::store::aws::testing::Memory;
use crate::store::environment::Environment;

/// A store that asks `memory`.
pub(super) fn store(memory: &Memory) -> SecretsManager {
    let mut store = SecretsManager::open(&Memory::options(), &Environment::default()).unwrap();
    store.client = Client::new(&memory.config());
    store
}
