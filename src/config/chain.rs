//! The members of a chain.
//!
//! A member that can never work is no reason to refuse the others: it stays in its place, and the lookups
//! that reach it fail as its `on_error` says. Leaving it out would let a later store answer in its place.

use std::sync::Arc;

use crate::backend::audit;
use crate::backend::chain::{CHAIN, ChainSettings, FOREIGN, Member, Routing};
use crate::backend::{AgentSettings, OnError, telemetry};
use crate::config::member::{MEMBER_KEYS, Written};
use crate::config::raw::{RawOptions, RawValue};
use crate::config::settings::{Configured, Kwargs, configure_member};
use crate::config::{options_of, read, references};
use crate::error::{Error, Result};
use crate::layers::Account;
use crate::redact::Shown;
use crate::store::StoreEntry;
use crate::store::environment::Environment;
use crate::store::options::{OptionValue, Options};
use crate::store::registry::STORES;
use crate::value::json::Value;

/// What is known when the members are read.
pub(super) struct Surroundings<'a> {
    pub(super) raw: &'a RawOptions,
    pub(super) options: &'a Options,
    pub(super) environment: &'a Environment,
    pub(super) kwargs: Kwargs,
    /// Whether whatever is wrong is refused.
    pub(super) strict: bool,
}

/// Whether `entry` is that of chains.
pub(super) fn is_chain(entry: &StoreEntry) -> bool {
    entry.info.name == CHAIN.info.name
}

impl Surroundings<'_> {
    /// Reads the members, with what the user should know about them.
    pub(super) fn chain(&self) -> Result<(ChainSettings, Vec<String>)> {
        let listed = match self.listed() {
            Ok(listed) => listed,
            // Airflow could not read the kwargs, and has said so.
            Err(error) if self.kwargs == Kwargs::Unread => return Ok((unread(error), Vec::new())),
            Err(error) => return Err(error),
        };
        let mut warnings = self.without_effect();
        let mut members: Vec<Member> = Vec::new();
        for (index, value) in listed.iter().enumerate() {
            let (member, more) = self.member(index, value).map_err(|error| self.placed(index, error))?;
            if members.iter().any(|known| known.name == member.name) {
                return Err(self.placed(index, twice(&member.name)));
            }
            members.push(member);
            warnings.extend(more);
        }
        check_references(&members)?;
        // A file whose stores are all unusable is shown with the first of them.
        refuse_if_nothing_works(&members).map_err(|error| self.placed(0, error))?;
        warnings.extend(shadowed(&members));
        Ok((ChainSettings { members }, warnings))
    }

    /// The error with the line of the store at `index`, if the stores come from a file.
    fn placed(&self, index: usize, error: Error) -> Error {
        match self.raw.origin() {
            Some(origin) => origin.placed(Some(index), &error),
            None => error,
        }
    }

    fn listed(&self) -> Result<&[Value]> {
        match self.options.json("stores") {
            Some(Value::Array(listed)) if !listed.is_empty() => Ok(listed),
            None | Some(Value::Array(_)) => Err(none("there is no store in the chain")),
            Some(Value::String(_)) => {
                Err(none("`stores` in backend_kwargs is neither a list nor valid JSON"))
            }
            Some(other) => Err(none(&format!(
                "`stores` in backend_kwargs is JSON of type {}, not a list",
                other.type_name()
            ))),
        }
    }

    /// Options that concern a single store, and are written beside all of them.
    fn without_effect(&self) -> Vec<String> {
        let keys = self.raw.iter().map(|(key, _)| key);
        let said = keys.filter_map(|key| match key {
            "bundle" => {
                Some(format!("{} beside `stores`: write it in the store that has it", no_effect(key)))
            }
            _ => None,
        });
        said.collect()
    }

    fn member(&self, index: usize, value: &Value) -> Result<(Member, Vec<String>)> {
        let written = Written::read(index, value, self.options)?;
        let mut warnings = Vec::new();
        let settings = self.settings(&written, &mut warnings);
        let name = Shown(&written.name).to_string();
        let mut warnings: Vec<_> =
            warnings.into_iter().map(|warning| format!("member `{name}`: {warning}")).collect();
        if let Err(error) = &settings {
            let error = error.clone().in_member(&name);
            if self.strict {
                return Err(error);
            }
            let error = self.placed(index, error);
            warnings.push(format!("{error}; lookups that reach it fail"));
        }
        let Written { name, routing, is_default, on_error, .. } = written;
        Ok((Member { name, routing, is_default, on_error, settings }, warnings))
    }

    fn settings(
        &self,
        written: &Written,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<crate::backend::Settings>> {
        if let Some(fault) = &written.fault {
            return Err(fault.clone());
        }
        if let Some(unknown) = written.unknown.first().filter(|_| self.strict) {
            return Err(Error::config(unknown.clone()));
        }
        warnings.extend(written.unknown.iter().chain(&written.notes).cloned());
        let entry = entry_of(written)?;
        let mut raw = self.options_of_member(entry, written, warnings)?;
        if is_foreign(entry) {
            // It is not known what asking such a class again would do.
            raw.insert("max_attempts", RawValue::Text("1".to_owned()));
        }
        let configured = configure_member(entry, &raw, self.environment.clone(), Kwargs::Read);
        let Configured { mut settings, warnings: more } = configured?;
        warnings.extend(more);
        if let Some(settings) = Arc::get_mut(&mut settings) {
            settings.routing = Arc::clone(&written.routing);
            settings.on_error = written.on_error;
            settings.is_alone = false;
            settings.layers.account = Account::of_member(entry.info.name, &Shown(&written.name).to_string());
        }
        Ok(settings)
    }

    /// What is written in the member, and beside the stores for all of them.
    fn options_of_member(
        &self,
        entry: &'static StoreEntry,
        written: &Written,
        warnings: &mut Vec<String>,
    ) -> Result<RawOptions> {
        let mut raw = RawOptions::default();
        for (key, value) in self.raw.iter().filter(|(key, _)| is_for_all(key)) {
            raw.insert(key, value.clone());
        }
        for (key, value) in written.options.iter() {
            if is_of_the_whole(key) {
                warnings.push(format!("`{key}` has no effect in a member: write it beside `stores`"));
            } else if let Some(text) = of_kwargs(entry, key) {
                if self.strict {
                    return Err(Error::config(text));
                }
                warnings.push(text);
            } else if let Some(meant) = meant(entry, key) {
                let text = format!("the unknown key `{}` is ignored. Did you mean `{meant}`?", Shown(key));
                if self.strict {
                    return Err(Error::config(text));
                }
                warnings.push(text);
            } else {
                raw.insert(key, value.clone());
            }
        }
        Ok(raw)
    }
}

fn no_effect(key: &str) -> String {
    format!("`{key}` in backend_kwargs has no effect")
}

/// References lead to members that there are, and to one of them where they name none.
fn check_references(members: &[Member]) -> Result<()> {
    let mut defaults = members.iter().filter(|member| member.is_default).map(|member| Shown(&member.name));
    if let (Some(one), Some(two)) = (defaults.next(), defaults.next()) {
        return Err(Error::config(format!("both `{one}` and `{two}` have `default`"))
            .with_hint("Write \"default\": true in the one store that references without a member lead to"));
    }
    let known = || members.iter().map(|member| member.name.as_str());
    members
        .iter()
        .filter_map(|member| member.settings.as_ref().ok())
        .try_for_each(|settings| references::check(settings, known))
}

/// A chain of which no member can ever answer is an error at the start.
fn refuse_if_nothing_works(members: &[Member]) -> Result<()> {
    let faults = members.iter().map(|member| (member, member.settings.as_ref().err()));
    let faults: Option<Vec<_>> = faults.map(|(member, fault)| Some((member, fault?))).collect();
    match faults.as_deref() {
        Some([(member, fault), ..]) => Err((*fault).clone().in_member(Shown(&member.name))),
        _ => Ok(()),
    }
}

/// Whether what is written beside the stores holds for each member that does not say otherwise.
fn is_for_all(key: &str) -> bool {
    let is_common = options_of(&CHAIN).any(|spec| spec.key == key);
    let is_of_the_chain = matches!(key, "stores" | "stores_file" | "on_error" | "bundle");
    is_common && !is_of_the_whole(key) && !is_of_the_chain
}

/// Whether an option concerns the lookup, whichever member answers.
fn is_of_the_whole(key: &str) -> bool {
    let options = audit::OPTIONS.iter().chain(telemetry::OPTIONS);
    key == "log_misses" || AgentSettings::concerns(key) || options.into_iter().any(|spec| spec.key == key)
}

/// What to do with a key beside a class of another package that is probably an argument of it.
fn of_kwargs(entry: &StoreEntry, key: &str) -> Option<String> {
    let is_lost = is_foreign(entry) && options_of(entry).all(|spec| spec.key != key);
    (is_lost && meant(entry, key).is_none()).then(|| {
        format!("the unknown key `{}` is ignored. Write what the class takes in `kwargs`", Shown(key))
    })
}

/// The key of members that was meant by one that the store does not have.
fn meant(entry: &StoreEntry, key: &str) -> Option<&'static str> {
    let is_known = options_of(entry).any(|spec| spec.key == key);
    let near = || MEMBER_KEYS.iter().map(|known| (strsim::damerau_levenshtein(key, known), *known)).min();
    let (distance, known) = if is_known { None } else { near() }?;
    (distance <= (known.len() / 3).max(1)).then_some(known)
}

/// Whether the store is a class of another package.
fn is_foreign(entry: &StoreEntry) -> bool {
    entry.info.name == FOREIGN.info.name
}

/// The store that a member names, by its registry name, its word on the command line, or its class.
fn entry_of(written: &Written) -> Result<&'static StoreEntry> {
    if written.store.is_empty() {
        return match STORES.iter().find(|entry| entry.python_class == written.class) {
            Some(own) => Err(Error::config(format!("`{}` is a store of Strongroom", Shown(&written.class)))
                .with_hint(format!("Write \"store\": \"{}\", with its options beside it", own.info.name))),
            None => Ok(&FOREIGN),
        };
    }
    store_of(&written.store)
}

/// The store with this registry name, or this word on the command line.
pub(super) fn store_of(written: &str) -> Result<&'static StoreEntry> {
    let is_meant = |entry: &&StoreEntry| entry.info.name == written || entry.tools.words.contains(&written);
    STORES.iter().find(is_meant).ok_or_else(|| {
        let words = || STORES.iter().flat_map(|entry| entry.tools.words.iter().chain([&entry.info.name]));
        let near = words().map(|word| (strsim::damerau_levenshtein(written, word), *word)).min();
        let near = near.filter(|(distance, word)| *distance <= (word.len() / 3).max(1));
        let meant = near.map(|(_, word)| format!("Did you mean `{word}`? ")).unwrap_or_default();
        let known: Vec<_> = STORES.iter().map(|entry| entry.info.name).collect();
        Error::config(format!("this build has no store `{}`", Shown(written)))
            .with_hint(format!("{meant}It has {}", known.join(", ")))
    })
}

/// Kwargs that Airflow could not read: each lookup says that there is no store.
fn unread(error: Error) -> ChainSettings {
    let (name, routing) = ("backend_kwargs".to_owned(), Arc::new(Routing::default()));
    let member =
        Member { name, routing, is_default: false, on_error: OnError::Official, settings: Err(error) };
    ChainSettings { members: vec![member] }
}

fn none(what: &str) -> Error {
    Error::config(what).with_hint(
        "Write `stores` as a list: [{\"name\": \"prod\", \"store\": \"vault\", ...}, {\"store\": \"local\", \
        ...}]",
    )
}

fn twice(name: &str) -> Error {
    Error::config(format!("two stores of the chain have the name `{}`", Shown(name)))
        .with_hint("Give each a `name` of its own; without one a store has its registry name")
}

/// Members that no lookup ever reaches, and those that only repeat an earlier one.
fn shadowed(members: &[Member]) -> Vec<String> {
    let mut texts = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let name = Shown(&member.name);
        if member.routing.is_empty() {
            texts.push(format!("member `{name}`: it is never asked, since its `kinds` or `teams` are empty"));
        }
        if let Some(other) = members.iter().take(index).find(|other| shadows(other, member)) {
            let other = Shown(&other.name);
            texts.push(format!(
                "member `{name}`: it is never of use, since `{other}` asks the same store for the same names \
                before it"
            ));
        }
    }
    texts
}

/// Whether `other` is asked for whatever `member` is, in the same store under the same names.
fn shadows(other: &Member, member: &Member) -> bool {
    let (Ok(one), Ok(two)) = (&other.settings, &member.settings) else { return false };
    // What decides where and under which names it looks, and not how long it waits or remembers.
    let common =
        ["connections_lookup_pattern", "variables_lookup_pattern", "config_lookup_pattern", "bundle"];
    let mut keys = one.entry.options.iter().map(|spec| spec.key).chain(common);
    let is_same = one.entry.info.name == two.entry.info.name
        && keys.all(|key| one.options.get(key) == two.options.get(key));
    is_same && other.routing.covers(&member.routing)
}

/// The policy that is written for a member, or beside the stores.
pub(super) fn on_error(value: Option<&RawValue>, options: &Options) -> Result<OnError> {
    let Some(value) = value else { return Ok(OnError::from_options(options)) };
    let Some(spec) = CHAIN.options.iter().find(|spec| spec.key == "on_error") else {
        return Err(Error::internal("a chain has no on_error"));
    };
    let mut own = Options::default();
    if let Some(value @ OptionValue::Text(_)) = read::read(spec, value)? {
        own.set("on_error", value);
    }
    Ok(OnError::from_options(&own))
}
