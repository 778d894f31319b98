//! Following references, from store to store, until there are values.

use std::collections::HashMap;
use std::fmt;

use crate::backend::lookup::Backend;
use crate::backend::on_error::Failure;
use crate::backend::references::led::Target;
use crate::backend::references::members::Members;
use crate::backend::references::parse::Reference;
use crate::backend::references::places::{rewrite, whole};
use crate::backend::references::plain::plain_secret;
use crate::backend::references::select::select;
use crate::backend::references::{refusal, teams};
use crate::backend::reply::{AskedName, Explained, Referred, Reply, Trail};
use crate::backend::stack::Stack;
use crate::error::{Error, Result};
use crate::process::{Deadline, Timestamp};
use crate::redact::Shown;
use crate::store::SecretName;
use crate::store::convention::{Kind, Lookup};
use crate::value::{SecretValue, Text};

/// The most references that may follow one another.
const DEEPEST: usize = 4;

/// The most references of one lookup.
const MOST: usize = 1000;

/// Where the search is: a secret, and the part of it that counts.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Station {
    member: usize,
    name: SecretName,
    key: Option<String>,
}

/// The references of one lookup.
struct Search<'a, 'trail> {
    members: Members<'a>,
    lookup: Lookup<'a>,
    trail: &'a mut Trail<'trail>,
    /// Each secret is read once, however often it is referred to.
    read: HashMap<Target, Option<SecretValue>>,
    settled: HashMap<(Station, bool), SecretValue>,
    /// The way to where the search is.
    way: Vec<Station>,
    count: usize,
    /// The values that were found.
    parts: Vec<SecretValue>,
}

impl Backend {
    /// `value`, which `name` holds, with values in the places of its references.
    pub(in crate::backend) async fn resolved<'a>(
        &'a self,
        stack: &'a Stack,
        lookup: Lookup<'a>,
        name: &SecretName,
        value: SecretValue,
        trail: &'a mut Trail<'_>,
    ) -> Result<SecretValue> {
        if self.settings.references.only
            && let Some(place) = plain_secret(lookup, &value)
        {
            return Err(refusal::plain(name, &place));
        }
        if !value.may_refer() {
            return Ok(value);
        }
        let members = Members { own: self, stack, chain: trail.chain };
        let holder = Station { member: members.position(), name: name.clone(), key: None };
        let mut search = Search {
            members,
            lookup,
            trail,
            read: HashMap::new(),
            settled: HashMap::new(),
            way: vec![holder],
            count: 0,
            parts: Vec::new(),
        };
        let settled = search.settle(value, true).await;
        let Search { read, parts, .. } = search;
        if !read.is_empty() {
            self.led.keep(name, read.into_keys().collect());
        }
        settled.map(|value| if parts.is_empty() { value } else { value.with_resolved(parts) })
    }
}

impl Backend {
    /// Follows a reference that no stored value holds, as if one of the store did: in a chain one of the
    /// member that is asked where a reference names none. The outcome has no value.
    pub async fn follow(&self, reference: &Reference, has_teams: Option<bool>) -> Explained {
        let lookup = Lookup { kind: Kind::Variable, id: "", team: None };
        let mut trail = Trail { steps: Some(Vec::new()), has_teams, ..Trail::new(0) };
        let deadline = Deadline::after(self.settings.layers.timeout);
        let outcome = deadline.run(self.follow_within(lookup, reference, &mut trail)).await;
        let outcome = self.named(outcome).map(|()| Reply::none("value")).map_err(Failure::from);
        let error = outcome.as_ref().err().map(|failure| failure.error.clone());
        Explained { outcome, error, steps: trail.steps.unwrap_or_default(), members: Vec::new() }
    }

    async fn follow_within<'a>(
        &'a self,
        lookup: Lookup<'a>,
        reference: &Reference,
        trail: &mut Trail<'a>,
    ) -> Result<()> {
        let mut holder = self;
        if let Some(chain) = &self.chain {
            let index = chain.settings.default_member();
            let (member, running) = chain.member(index).ok_or_else(|| Error::internal("no such member"))?;
            holder = running.backend(member, &chain.clock)?;
            trail.chain = Some((chain, index));
        }
        let stack = holder.up_to_date()?;
        let value = SecretValue::text(reference.written());
        let nowhere = SecretName::from("the reference that is checked");
        holder.resolved(&stack, lookup, &nowhere, value, trail).await.map(drop)
    }
}

impl Search<'_, '_> {
    /// `value` without references. `is_whole` says whether it stands for all that is looked up.
    async fn settle(&mut self, value: SecretValue, is_whole: bool) -> Result<SecretValue> {
        if let Some(reference) = whole(&value) {
            return self.follow(&[], &reference?, is_whole).await;
        }
        let mut found = Vec::new();
        rewrite(&value, &mut |place, reference| {
            found.push((place.to_vec(), reference));
            Ok(None)
        })?;
        let mut values = HashMap::new();
        for (place, reference) in found {
            let settled = self.follow(&place, &reference, false).await?;
            values.insert(reference, settled);
        }
        let text = |reference: &Reference| values.get(reference).map(|value| Text::from(value.expose()));
        let new = rewrite(&value, &mut |_, reference| Ok(text(&reference)))?;
        Ok(new.unwrap_or(value))
    }

    async fn follow(
        &mut self,
        place: &[String],
        reference: &Reference,
        is_whole: bool,
    ) -> Result<SecretValue> {
        let found = self.follow_on(place, reference, is_whole).await;
        found.map_err(|error| refusal::in_reference(error, reference, place))
    }

    async fn follow_on(
        &mut self,
        place: &[String],
        reference: &Reference,
        is_whole: bool,
    ) -> Result<SecretValue> {
        self.count += 1;
        if self.count > MOST {
            return Err(refusal::too_many(MOST));
        }
        let (member, name) = reference.target(|word| self.members.find(word));
        let member = member.unwrap_or_else(|| self.members.default());
        if name.as_str().is_empty() {
            return Err(refusal::nameless());
        }
        let name = self.checked(member, &name)?;
        let station = Station { member, name, key: reference.key() };
        if self.way.contains(&station) {
            return Err(refusal::circle(&self.shown_way(&station)));
        }
        if self.way.len() > DEEPEST {
            return Err(refusal::too_deep(DEEPEST, &self.shown_way(&station)));
        }
        let secret = self.read(&station, place, reference).await?;
        let known = (station.clone(), is_whole);
        if let Some(settled) = self.settled.get(&known) {
            return Ok(settled.clone());
        }
        let settings = self.members.settings(member)?;
        let kind = if is_whole { self.lookup.kind } else { Kind::Variable };
        let selected = select(&*settings.convention, reference, kind, secret)?;
        self.way.push(station);
        let settled = Box::pin(self.settle(selected, is_whole)).await;
        self.way.pop();
        let settled = settled?;
        self.parts.push(settled.clone());
        self.settled.insert(known, settled.clone());
        Ok(settled)
    }

    /// The name in the store, if what holds the reference may refer to `name`, and this lookup may read it.
    fn checked(&self, member: usize, name: &SecretName) -> Result<SecretName> {
        let holder = self.way.last().map_or(0, |station| station.member);
        let rules = &self.members.settings(holder)?.references;
        if rules.is_empty() {
            return Err(refusal::off(self.members.name(member)));
        }
        let is_meant = |of: Option<&str>| match of {
            Some(of) => self.members.find(of) == Some(member),
            None => self.members.default() == member,
        };
        if !rules.allow(is_meant, name.as_str())? {
            return Err(refusal::not_allowed(self.members.name(member), name));
        }
        let settings = self.members.settings(member)?;
        if settings.is_foreign() {
            return Err(refusal::foreign(self.members.name(member)));
        }
        let name = settings.convention.referred(name);
        let team = self.lookup.team.filter(|team| !team.is_empty());
        let has_teams = self.trail.has_teams.unwrap_or(true);
        let is_refused = !settings.routing.has_team(team)
            || has_teams && teams::is_of_another(&*settings.convention, team, name.as_str());
        if is_refused { Err(refusal::team(self.members.name(member), &name)) } else { Ok(name) }
    }

    /// The secret, read once.
    async fn read(
        &mut self,
        station: &Station,
        place: &[String],
        reference: &Reference,
    ) -> Result<SecretValue> {
        let key = (station.member, station.name.clone());
        if !self.read.contains_key(&key) {
            let found = self.ask(station, place, reference).await?;
            self.read.insert(key.clone(), found);
        } else if self.trail.steps.is_some() {
            let outcome = if self.read.get(&key).is_some_and(Option::is_some) { "value" } else { "absent" };
            let took = std::time::Duration::ZERO;
            let asked =
                AskedName { name: station.name.clone(), outcome, asked_store: false, took, referred: None };
            self.note(station, place, reference, [asked]);
        }
        let found = self.read.get(&key).cloned().flatten();
        found.ok_or_else(|| refusal::missing(self.members.name(station.member), &station.name))
    }

    async fn ask(
        &mut self,
        station: &Station,
        place: &[String],
        reference: &Reference,
    ) -> Result<Option<SecretValue>> {
        let (backend, stack) = self.members.open(station.member, self.trail.memory.is_some())?;
        // What was unclear before concerns another name.
        let doubt = self.trail.doubt.take();
        let steps = self.trail.steps.as_mut().map(std::mem::take);
        let fetch = backend.fetch(&stack, self.lookup, &station.name, self.trail);
        let found = match Deadline::current() {
            // So that the error of a store that does not answer names the reference, too.
            Some(deadline) => deadline.cut(fetch).await,
            None => fetch.await,
        };
        let found = backend.named(found);
        let own_doubt = std::mem::replace(&mut self.trail.doubt, doubt);
        if let Some(steps) = steps {
            let asked = self.trail.steps.replace(steps).unwrap_or_default();
            self.note(station, place, reference, asked);
        }
        if station.member != self.members.position() {
            // The memory of this member would not notice what is dropped in another.
            self.trail.ask_again = Timestamp::ORIGIN;
        }
        match (found?, own_doubt) {
            // It was absent a while ago, and now the store does not answer.
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    /// Adds what was asked to the steps of an explanation.
    fn note(
        &mut self,
        station: &Station,
        place: &[String],
        reference: &Reference,
        asked: impl IntoIterator<Item = AskedName>,
    ) {
        let referred = Referred {
            reference: reference.clone(),
            place: place.to_vec(),
            member: self.members.name(station.member).to_owned(),
            depth: self.way.len(),
        };
        let steps =
            asked.into_iter().map(|step| AskedName { referred: Some(Box::new(referred.clone())), ..step });
        if let Some(known) = &mut self.trail.steps {
            known.extend(steps);
        }
    }

    fn shown_way(&self, end: &Station) -> String {
        let shown =
            |station: &Station| Seen { station, member: self.members.name(station.member) }.to_string();
        self.way.iter().chain([end]).map(shown).collect::<Vec<_>>().join(" -> ")
    }
}

/// A station in a message.
struct Seen<'a> {
    station: &'a Station,
    member: &'a str,
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}:{}", Shown(self.member), self.station.name)?;
        match &self.station.key {
            Some(key) => write!(formatter, "#{}`", Shown(key)),
            None => formatter.write_str("`"),
        }
    }
}
