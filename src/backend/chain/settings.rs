//! The settings of a chain: plain data, like those of each member.

use std::sync::Arc;

use crate::backend::chain::routing::Routing;
use crate::backend::on_error::OnError;
use crate::backend::settings::Settings;
use crate::error::{Error, Result};
use crate::layers::Counters;

/// The members of a chain, in the order in which they are asked.
#[derive(Debug)]
pub struct ChainSettings {
    /// At least one.
    pub members: Vec<Member>,
}

impl ChainSettings {
    /// The position of the member that is asked where a reference names none.
    pub(in crate::backend) fn default_member(&self) -> usize {
        self.members.iter().position(|member| member.is_default).unwrap_or_default()
    }

    /// Whether the values of any member may refer to others.
    pub(super) fn refers(&self) -> bool {
        let mut settings = self.members.iter().filter_map(|member| member.settings.as_ref().ok());
        settings.any(|settings| !settings.references.is_empty())
    }
}

/// One store of a chain.
#[derive(Debug)]
pub struct Member {
    /// Its name, which no other member has.
    pub name: String,
    /// The lookups that concern it.
    pub routing: Arc<Routing>,
    /// Whether references that name no member lead to it.
    pub is_default: bool,
    /// What its errors mean for the search.
    pub on_error: OnError,
    /// Its settings, or why it can never be asked: then each lookup that reaches it has this error.
    pub settings: Result<Arc<Settings>, Error>,
}

impl Member {
    /// What its store is called in messages.
    pub fn title(&self) -> &'static str {
        self.settings.as_ref().map_or("not configured", |settings| settings.entry.info.title)
    }

    /// Whether its secrets come from a class of another package.
    pub fn is_foreign(&self) -> bool {
        self.settings.as_ref().is_ok_and(|settings| settings.is_foreign())
    }

    /// Where it is counted, if it can be asked.
    pub fn counters(&self) -> Option<&'static Counters> {
        self.settings.as_ref().ok().map(|settings| settings.counters())
    }

    /// The registry name of its store; empty if there is none.
    pub fn store(&self) -> &'static str {
        self.settings.as_ref().map_or("", |settings| settings.entry.info.name)
    }
}
