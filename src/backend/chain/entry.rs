//! A chain as the rest of the product sees it: options like those of a store, and no store behind it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::convention::{Convention, Lookup, Naming};
use crate::store::options::{OptionKind, OptionSpec};
use crate::store::registry::find;
use crate::store::tools::Tools;
use crate::store::{OptionRules, SecretName, Store, StoreEntry, StoreInfo};
use crate::value::SecretValue;

/// The shape of the option.
const SHAPE: &str = "a list of stores such as [{\"store\": \"vault\", \"url\": \"https://vault:8200\"}]";

/// The key of a member that references without a member go to.
pub const DEFAULT_OPTION: OptionSpec = OptionSpec::new(
    "default",
    OptionKind::Boolean,
    "Whether a reference that names no member goes to it; without any, it goes to the first.",
);

/// The members, in the order in which they are asked.
pub const STORES_OPTION: OptionSpec = OptionSpec::new(
    "stores",
    OptionKind::SecretJson(SHAPE),
    "The stores in the order in which they are asked: each an object with its `store` and the options of \
    that store, or the `class` of another package and its `kwargs`, or the `config` of another tool, and \
    with `name`, `kinds`, `teams`, `ids` \
    and `on_error`.",
);

/// The same in a file.
pub const STORES_FILE_OPTION: OptionSpec = OptionSpec::new(
    "stores_file",
    OptionKind::Text,
    "A TOML file in place of `stores`, with a table `[[stores]]` for each store; read again when it changes.",
);

/// The policy of members without one of their own.
const ON_ERROR_OPTION: OptionSpec = OptionSpec::new(
    "on_error",
    OptionKind::Choice(ON_ERROR_WORDS),
    "What the error of a member means, unless the member says otherwise: as on a backend, or next (the next \
    store is asked).",
)
.with_default("official");

const ON_ERROR_WORDS: &[&str] = &["official", "next", "raise", "miss", "deny", "stop"];

/// The entry of chains. It is in no list of stores, since there is none behind it.
pub const CHAIN: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.chain.ChainBackend",
    options: &[STORES_OPTION, STORES_FILE_OPTION, ON_ERROR_OPTION],
    variables: &[],
    convention: |_options| Ok(Arc::new(NoNames)),
    rules: OptionRules::NONE,
    tools: Tools { words: &["chain"], about: "Several stores in one backend: no policy", ..Tools::NONE },
    open: |_options, _environment| Ok(Arc::new(NoStore)),
};

/// The store with this registry name, or several in a chain.
pub fn entry_of(store: &str) -> Option<&'static StoreEntry> {
    static OF_CHAINS: StoreEntry = CHAIN;
    if store == OF_CHAINS.info.name { Some(&OF_CHAINS) } else { find(store) }
}

const INFO: StoreInfo = StoreInfo { name: "chain", title: "the chain" };

/// The members name the secrets.
#[derive(Debug)]
struct NoNames;

impl Convention for NoNames {
    fn names(&self, _lookup: Lookup<'_>) -> Naming {
        Naming::Off
    }
}

/// The members hold the secrets.
#[derive(Debug)]
struct NoStore;

#[async_trait]
impl Store for NoStore {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, _name: &SecretName) -> Result<Option<SecretValue>> {
        Ok(None)
    }
}
