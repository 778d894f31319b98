//! Several hosts: which one is tried first, and for how long.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::http::TransportKind;
use crate::store::kit::database_url::Host;

use super::error::Fault;
use super::settings::{Settings, Target};

/// Opens connections.
#[async_trait]
pub(super) trait Opener: Sync {
    /// A connection.
    type Opened: Send;

    /// Opens one to a host, which has to be of the kind that `target` says.
    async fn open_on(&self, settings: &Settings, host: &Host, target: Target) -> Result<Self::Opened, Fault>;
}

/// The hosts of one backend, and which of them answered last.
#[derive(Debug, Default)]
pub(super) struct Hosts(AtomicUsize);

impl Hosts {
    /// Opens a connection to the first host that takes it, beginning with the one that did so last.
    pub(super) async fn first<O: Opener>(&self, settings: &Settings, by: &O) -> Result<O::Opened, Fault> {
        let passes: &[Target] = match settings.target {
            Target::PreferStandby => &[Target::Standby, Target::Any],
            Target::Any => &[Target::Any],
            Target::Primary => &[Target::Primary],
            Target::Standby => &[Target::Standby],
        };
        let (count, first) = (settings.hosts.len(), self.0.load(Ordering::Relaxed));
        let mut last = Fault::NoTarget;
        for (target, number) in passes.iter().flat_map(|pass| (0..count).map(move |number| (*pass, number))) {
            let place = (first + number) % count;
            let Some(host) = settings.hosts.get(place) else { continue };
            let limited =
                tokio::time::timeout(settings.connect_timeout, by.open_on(settings, host, target)).await;
            let opened = limited.unwrap_or_else(|_| {
                Err(Fault::silence(TransportKind::Timeout, "the host did not accept the connection in time"))
            });
            match opened {
                Ok(opened) => {
                    self.0.store(place, Ordering::Relaxed);
                    return Ok(opened);
                }
                Err(fault) if fault.is_of_host() => last = more_telling(last, fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(last)
    }
}

/// That a host is of the wrong kind says less than that another one does not answer.
fn more_telling(last: Fault, fault: Fault) -> Fault {
    if matches!(fault, Fault::NoTarget) { last } else { fault }
}

/// Whether a host of this kind will do.
pub(super) fn fits(target: Target, is_standby: bool) -> bool {
    match target {
        Target::Any | Target::PreferStandby => true,
        Target::Primary => !is_standby,
        Target::Standby => is_standby,
    }
}

/// The addresses of a host.
pub(super) async fn addresses(host: &Host) -> Result<Vec<SocketAddr>, Fault> {
    if let Ok(address) = host.name.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, host.port)]);
    }
    let found = tokio::net::lookup_host((host.name.as_str(), host.port)).await;
    let found: Vec<_> =
        found.map_err(|error| Fault::silence(TransportKind::Dns, &error.to_string()))?.collect();
    if found.is_empty() {
        return Err(Fault::silence(TransportKind::Dns, "the name has no address"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::store::environment::Environment;
    use crate::store::options::Options;

    fn settings(target: &str) -> Settings {
        let url = format!("postgres://a,b,c/d?target_session_attrs={target}&connect_timeout=1");
        Settings::read(&Options::of_texts(&[("url", &url)]), &Environment::default()).unwrap()
    }

    /// Notes what it is asked for. `a` is silent, `b` the only standby, and `c` refuses logins if it shall.
    struct Noting {
        names: Mutex<Vec<String>>,
        refuses: bool,
    }

    #[async_trait]
    impl Opener for Noting {
        type Opened = ();

        async fn open_on(&self, _settings: &Settings, host: &Host, target: Target) -> Result<(), Fault> {
            self.names.lock().unwrap().push(host.name.clone());
            match host.name.as_str() {
                _ if self.refuses => Err(Fault::Refused("28P01".to_owned())),
                "a" => std::future::pending().await,
                name if fits(target, name == "b") => Ok(()),
                _ => Err(Fault::NoTarget),
            }
        }
    }

    async fn tried(hosts: &Hosts, target: &str, refuses: bool) -> (String, bool) {
        let noting = Noting { names: Mutex::default(), refuses };
        let opened = hosts.first(&settings(target), &noting).await;
        (noting.names.into_inner().unwrap().concat(), opened.is_ok())
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_are_tried_in_order_and_the_last_good_one_first() {
        let hosts = Hosts::default();
        assert_eq!(tried(&hosts, "primary", false).await, ("abc".to_owned(), true));
        assert_eq!(tried(&hosts, "any", false).await, ("c".to_owned(), true));
        assert_eq!(tried(&hosts, "standby", false).await, ("cab".to_owned(), true));
        assert_eq!(tried(&Hosts::default(), "prefer-standby", false).await, ("ab".to_owned(), true));
    }

    #[tokio::test]
    async fn a_refused_login_is_not_tried_elsewhere() {
        assert_eq!(tried(&Hosts::default(), "any", true).await, ("a".to_owned(), false));
    }
}
