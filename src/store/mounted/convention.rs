//! Names of mounted files: the path of the file, which ends in Airflow's id as it is. There is no official
//! class.

use crate::store::PerKind;
use crate::store::convention::{Convention, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;
use crate::store::prefix::{TEAM_SEPARATOR, naming};

use super::config::{Place, places};

const GRAMMAR: &str = "the parts of a file's name between slashes have 1 to 255 bytes, and none \
    begins with a dot or holds a zero byte";

/// The rules of one configured backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MountedConvention(PerKind<Option<Place>>);

impl MountedConvention {
    /// Reads folders and prefixes.
    pub(super) fn from_options(options: &Options) -> Self {
        Self(places(options))
    }
}

impl Convention for MountedConvention {
    /// A slash in an id is a folder. Unlike in a store whose names begin with the id, a team has names of its
    /// own without a prefix too, since the folder holds one kind.
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Some(place) = self.0.of(lookup.kind) else { return Naming::Off };
        let team = lookup.team.filter(|team| !team.is_empty());
        let of_team = team.map(|team| place.name(&format!("{team}{TEAM_SEPARATOR}{}", lookup.id)));
        let names = of_team.into_iter().chain([place.name(lookup.id)]).collect();
        naming(lookup.kind, lookup.id, names).only(|name| place.may_hold(name.as_str()), GRAMMAR)
    }

    /// Files have names that are text, and half of a surrogate pair is in none.
    fn odd(&self, _lookup: Lookup<'_>, _odd: OddId, _multi_team: bool) -> OddFate {
        OddFate::Absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::Kind;

    fn names(id: &str, team: Option<&str>) -> Naming {
        let options = Options::of_texts(&[("path", "/s"), ("variables_path", "/v")]);
        MountedConvention::from_options(&options).names(Lookup { kind: Kind::Variable, id, team })
    }

    #[test]
    fn a_name_is_the_path_of_a_file() {
        let named = |names: &[&str]| Naming::Names(names.iter().map(|name| (*name).into()).collect());
        assert_eq!(names("a/b C", None), named(&["/v/a/b C"]));
        assert_eq!(names("a", Some("ops")), named(&["/v/ops--a", "/v/a"]));
        assert_eq!(names("a", Some("")), named(&["/v/a"]));
        // A team whose name leads elsewhere has no files of its own.
        assert_eq!(names("a", Some("../../etc")), named(&["/v/a"]));
        assert!(matches!(names("ops--a", None), Naming::Ambiguous { .. }));
        for id in ["", "..", "../a", "a/../../b", "..data/a", "a//b", "/a", "a/"] {
            assert!(matches!(names(id, None), Naming::Impossible { .. }), "{id}");
        }
    }
}
