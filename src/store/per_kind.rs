//! One thing for each kind that Airflow asks for.

use crate::store::convention::Kind;

/// One value of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerKind<T> {
    /// The one of connections.
    pub connections: T,
    /// The one of variables.
    pub variables: T,
    /// The one of configuration options.
    pub config: T,
}

impl<T> PerKind<T> {
    /// Calls `make` for each kind.
    pub fn make(mut make: impl FnMut(Kind) -> T) -> Self {
        Self {
            connections: make(Kind::Connection),
            variables: make(Kind::Variable),
            config: make(Kind::Config),
        }
    }

    /// Calls `make` for each kind, up to its first error.
    pub fn try_make<E>(mut make: impl FnMut(Kind) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self {
            connections: make(Kind::Connection)?,
            variables: make(Kind::Variable)?,
            config: make(Kind::Config)?,
        })
    }

    /// The value of `kind`.
    #[inline]
    pub const fn of(&self, kind: Kind) -> &T {
        match kind {
            Kind::Connection => &self.connections,
            Kind::Variable => &self.variables,
            Kind::Config => &self.config,
        }
    }

    /// The value of `kind`, to change.
    #[inline]
    pub const fn of_mut(&mut self, kind: Kind) -> &mut T {
        match kind {
            Kind::Connection => &mut self.connections,
            Kind::Variable => &mut self.variables,
            Kind::Config => &mut self.config,
        }
    }

    /// All three.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.connections, &self.variables, &self.config].into_iter()
    }

    /// All three, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        [&mut self.connections, &mut self.variables, &mut self.config].into_iter()
    }

    /// Converts all three.
    pub fn map<U>(self, mut to: impl FnMut(T) -> U) -> PerKind<U> {
        PerKind { connections: to(self.connections), variables: to(self.variables), config: to(self.config) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own() {
        let mut words = PerKind::make(Kind::as_str);
        assert_eq!(Kind::ALL.map(|kind| *words.of(kind)), Kind::ALL.map(Kind::as_str));
        *words.of_mut(Kind::Variable) = "v";
        words.iter_mut().filter(|word| **word == "config").for_each(|word| *word = "c");
        assert_eq!(words.iter().copied().collect::<Vec<_>>(), ["connection", "v", "c"]);
        assert_eq!(words.map(str::len), PerKind { connections: 10, variables: 1, config: 1 });
        assert_eq!(
            PerKind::try_make(|kind| if kind == Kind::Config { Err(kind) } else { Ok(()) }),
            Err(Kind::Config)
        );
    }
}
