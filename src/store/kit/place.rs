//! Where in a service the secrets are: containers within containers, such as a config of a project.

use std::fmt;

use crate::redact::Shown;
use crate::store::environment::Environment;
use crate::store::options::Options;

/// A container: its option, and the variable that counts in the absence of that.
pub type Container = (&'static str, &'static str);

/// The containers of one backend, the outermost first. A token may know by itself what is not written.
#[derive(Clone, Debug)]
pub struct Place(Vec<(&'static str, Option<String>)>);

impl Place {
    /// What is written, or in the environment.
    pub fn read(containers: &[Container], options: &Options, environment: &Environment) -> Self {
        let text = |key, variable| options.non_empty_or(key, environment, variable).map(str::to_owned);
        Self(containers.iter().map(|(key, variable)| (*key, text(key, variable))).collect())
    }

    /// One container, whose name may be written in more than one way.
    pub fn of(container: &'static str, name: Option<&str>) -> Self {
        Self(vec![(container, name.map(str::to_owned))])
    }

    /// Whether every container is known.
    pub fn is_whole(&self) -> bool {
        self.0.iter().all(|(_, name)| name.is_some())
    }

    /// The names by the keys of their options, for a request.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(key, name)| (*key, name.as_deref()))
    }
}

/// The innermost container first; those around it as far as they are known.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut inwards = self.0.iter().rev();
        match inwards.next() {
            Some((key, Some(name))) => write!(formatter, "{key} `{}`", Shown(name))?,
            Some((key, None)) => write!(formatter, "the token's own {key}")?,
            None => formatter.write_str("the service")?,
        }
        let known = inwards.filter_map(|(key, name)| Some((key, name.as_ref()?)));
        known.into_iter().try_for_each(|(key, name)| write!(formatter, " of {key} `{}`", Shown(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_from_the_inside() {
        // A variable that every build declares.
        let containers = [("project", "HTTPS_PROXY"), ("config", "HTTPS_PROXY")];
        for (written, shown, is_whole) in [
            (&[][..], "the token's own config", false),
            (&[("config", "a\n")], "config `a\\n`", false),
            (&[("project", "p")], "the token's own config of project `p`", false),
            (&[("project", "p"), ("config", "c")], "config `c` of project `p`", true),
        ] {
            let place = Place::read(&containers, &Options::of_texts(written), &Environment::default());
            assert_eq!((place.to_string().as_str(), place.is_whole()), (shown, is_whole));
        }
        assert_eq!(Place::of("config", Some("c")).to_string(), "config `c`");
        let set = Environment::of(&[("HTTPS_PROXY", "x")]);
        let place = Place::read(&containers, &Options::of_texts(&[("config", "c")]), &set);
        assert_eq!(place.pairs().collect::<Vec<_>>(), [("project", Some("x")), ("config", Some("c"))]);
    }
}
