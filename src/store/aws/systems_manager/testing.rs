//! The store on a service in memory.

use aws_sdk_ssm::Client;

use super::SystemsManager;
use crate::store::aws::testing::Memory;
use crate::store::environment::Environment;

/// A store that asks `memory`.
pub(super) fn store(memory: &Memory) -> SystemsManager {
    let mut store = SystemsManager::open(&Memory::options(), &Environment::default()).unwrap();
    store.client = Client::new(&memory.config());
    store
}
