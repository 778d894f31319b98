//! Which lookups concern a member of a chain.

use crate::backend::plan::Skipped;
use crate::error::Result;
use crate::store::convention::{Kind, Lookup};
use crate::store::pattern::Pattern;

/// What a member is asked for. Without any restriction that is everything.
#[derive(Debug, Default)]
pub struct Routing {
    /// The kinds, if they are restricted.
    pub kinds: Option<Vec<Kind>>,
    /// The teams, if they are restricted. `None` among them is a lookup without a team.
    pub teams: Option<Vec<Option<String>>>,
    /// The ids, if they are restricted.
    pub ids: Option<Pattern>,
}

impl Routing {
    /// Why `lookup` does not concern the member; `None` if it does. The error is that of an invalid pattern.
    pub fn passes_over(&self, lookup: Lookup<'_>) -> Result<Option<Skipped>> {
        if !self.has_kind(lookup.kind) {
            return Ok(Some(Skipped::Unrouted(format!("its `kinds` leave {} out", lookup.kind.plural()))));
        }
        if !self.has_team(lookup.team) {
            return Ok(Some(Skipped::Unrouted(match lookup.team {
                Some(_) => "its `teams` leave this team out".to_owned(),
                None => "its `teams` leave lookups without a team out".to_owned(),
            })));
        }
        Ok(match &self.ids {
            Some(ids) if !ids.matches(lookup.id)? => {
                Some(Skipped::Unrouted(format!("the id does not match its `ids` {:?}", ids.text())))
            }
            _ => None,
        })
    }

    /// Whether some team asks the member for `id`. An invalid pattern is reported by the lookup.
    pub fn may_ask(&self, kind: Kind, id: &str) -> bool {
        let matches = self.ids.as_ref().is_none_or(|ids| ids.matches(id).unwrap_or(false));
        matches && self.has_kind(kind)
    }

    /// Whether no lookup at all concerns the member.
    pub fn is_empty(&self) -> bool {
        self.kinds.as_ref().is_some_and(Vec::is_empty) || self.teams.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether each lookup that concerns a member with `other` concerns this one, too.
    pub fn covers(&self, other: &Self) -> bool {
        let kinds = Kind::ALL.into_iter().all(|kind| self.has_kind(kind) || !other.has_kind(kind));
        let teams = match (&self.teams, &other.teams) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(teams)) => teams.iter().all(|team| self.has_team(team.as_deref())),
        };
        let text = |routing: &Self| routing.ids.as_ref().map(|ids| ids.text().to_owned());
        kinds && teams && (self.ids.is_none() || text(self) == text(other))
    }

    /// Whether there is a team, or a lookup without one, that both are asked for.
    pub fn shares_a_team(&self, other: &Self) -> bool {
        match (&self.teams, &other.teams) {
            (Some(own), Some(_)) => own.iter().any(|team| other.has_team(team.as_deref())),
            (Some(teams), None) | (None, Some(teams)) => !teams.is_empty(),
            (None, None) => true,
        }
    }

    fn has_kind(&self, kind: Kind) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    /// Whether it is asked for lookups of `team`.
    pub(in crate::backend) fn has_team(&self, team: Option<&str>) -> bool {
        // An empty team is none, as in the names of secrets.
        let team = team.filter(|team| !team.is_empty());
        self.teams.as_ref().is_none_or(|teams| teams.iter().any(|known| known.as_deref() == team))
    }
}
