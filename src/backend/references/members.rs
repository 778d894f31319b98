//! The stores that a reference can lead to.

use std::ops::Deref;
use std::sync::Arc;

use crate::backend::chain::Chain;
use crate::backend::lookup::Backend;
use crate::backend::settings::Settings;
use crate::backend::stack::Stack;
use crate::error::{Error, Result};

/// A backend of one store, or the members of a chain of which it is one.
pub(super) struct Members<'a> {
    pub(super) own: &'a Backend,
    pub(super) stack: &'a Stack,
    /// The chain, and the position in it.
    pub(super) chain: Option<(&'a Chain, usize)>,
}

/// A store that can be asked.
pub(super) enum Opened<'a> {
    Own(&'a Stack),
    Other(Arc<Stack>),
}

impl Deref for Opened<'_> {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        match self {
            Self::Own(stack) => stack,
            Self::Other(stack) => stack,
        }
    }
}

impl<'a> Members<'a> {
    /// The position of the store that holds the value.
    pub(super) fn position(&self) -> usize {
        self.chain.map_or(0, |(_, position)| position)
    }

    /// The member with a name. A store without a chain has its registry name and its words.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        match self.chain {
            Some((chain, _)) => chain.settings.members.iter().position(|member| member.name == name),
            None => self.own.settings.is_called(name).then_some(0),
        }
    }

    /// The member that is asked where a reference names none.
    pub(super) fn default(&self) -> usize {
        self.chain.map_or(0, |(chain, _)| chain.settings.default_member())
    }

    /// The name of a member, for messages.
    pub(super) fn name(&self, position: usize) -> &'a str {
        match self.chain {
            Some((chain, _)) => chain.settings.members.get(position).map_or("", |member| &member.name),
            None => self.own.settings.entry.info.name,
        }
    }

    pub(super) fn settings(&self, position: usize) -> Result<&'a Settings> {
        match self.chain {
            Some((chain, own)) if own != position => {
                let (member, _) = chain.member(position).ok_or_else(no_member)?;
                member.settings.as_deref().map_err(Clone::clone)
            }
            _ => Ok(&self.own.settings),
        }
    }

    /// What runs of a member. If only memory may be asked, it has to be running already.
    pub(super) fn open(&self, position: usize, is_from_memory: bool) -> Result<(&'a Backend, Opened<'a>)> {
        let Some((chain, own)) = self.chain else { return Ok((self.own, Opened::Own(self.stack))) };
        if own == position {
            return Ok((self.own, Opened::Own(self.stack)));
        }
        let (member, running) = chain.member(position).ok_or_else(no_member)?;
        if is_from_memory {
            let backend = running.existing().ok_or_else(|| Error::internal("the member does not run yet"))?;
            return Ok((backend, Opened::Other(backend.current())));
        }
        let backend = running.backend(member, &chain.clock)?;
        Ok((backend, Opened::Other(backend.up_to_date()?)))
    }
}

fn no_member() -> Error {
    Error::internal("no such member")
}
