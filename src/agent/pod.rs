//! Whether only the containers of this pod can reach a socket.
//!
//! A pod has an identity of its own, that of its service account, and what it may read in the store follows
//! from it. An agent whose socket is on a volume of the node would answer every pod there with the identity
//! of its own pod.

use std::path::Path;

use crate::agent::place::Place;
use crate::error::{Error, Result};

/// What each container of a pod has (Kubernetes, "Accessing the API from a Pod").
const IN_KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";

/// An error where other pods may reach what listens at `place`, unless the operator wants that.
pub fn check_volume(place: &Place, is_shared: bool) -> Result<()> {
    if is_shared || std::env::var_os(IN_KUBERNETES).is_none() {
        return Ok(());
    }
    let folder = place.folder().canonicalize().unwrap_or_else(|_| place.folder().to_owned());
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mountinfo") else { return Ok(()) };
    if is_of_this_pod(&folder, &mounts) {
        return Ok(());
    }
    let folder = folder.display();
    Err(Error::config(format!(
        "{folder} is on a volume that other pods may share, and the agent would answer all of them with its \
        own identity, whatever their service accounts"
    ))
    .with_hint(
        "Use an `emptyDir` and run the agent as a container of each pod, or set `agent_identity` to `shared`",
    ))
}

/// Whether `folder` belongs to this container, or is in an `emptyDir` of its pod (`proc_pid_mountinfo(5)`).
fn is_of_this_pod(folder: &Path, mounts: &str) -> bool {
    let holding = mounts.lines().filter_map(Mount::of).filter(|mount| folder.starts_with(&mount.point));
    // Of several at one point the last one hides the others.
    let Some(mount) = holding.max_by_key(|mount| mount.point.len()) else { return true };
    let is_container = mount.point == "/";
    let is_on_disk = mount.root.contains("/volumes/kubernetes.io~empty-dir/");
    let is_in_memory = mount.kind == "tmpfs" && mount.root == "/";
    is_container || is_on_disk || is_in_memory
}

struct Mount {
    root: String,
    point: String,
    kind: String,
}

impl Mount {
    fn of(line: &str) -> Option<Self> {
        let (place, source) = line.split_once(" - ")?;
        let mut words = place.split(' ').skip(3);
        let (root, point) = (plain(words.next()?), plain(words.next()?));
        Some(Self { root, point, kind: source.split(' ').next()?.to_owned() })
    }
}

/// Spaces, tabs, line breaks and backslashes are written as octal numbers.
fn plain(text: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(text.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = r"
1538 1400 0:361 / / rw,relatime master:400 - overlay overlay rw,lowerdir=/a
1539 1538 0:365 / /proc rw,nosuid - proc proc rw
1601 1538 259:1 /var/lib/kubelet/pods/8b/volumes/kubernetes.io~empty-dir/agent /run/disk rw - ext4 /dev/root rw
1602 1538 0:350 / /run/memory rw,relatime - tmpfs tmpfs rw,size=65536k
1603 1538 0:25 /strongroom /run/node rw,nosuid - tmpfs tmpfs rw,size=803052k,mode=755
1604 1538 259:1 /var/lib/strong\040room /run/of\040node rw - ext4 /dev/root rw
1605 1538 0:400 / /run/nfs rw - nfs4 server:/export rw
";

    #[test]
    fn what_the_node_or_the_network_holds_is_not_the_pods() {
        let of_pod = ["/tmp/a", "/run/disk", "/run/disk/below", "/run/memory", "/run/nodes", "/"];
        let of_others = ["/run/node", "/run/node/below", "/run/of node", "/run/nfs/a"];
        assert!(of_pod.iter().all(|folder| is_of_this_pod(Path::new(folder), MOUNTS)));
        assert!(of_others.iter().all(|folder| !is_of_this_pod(Path::new(folder), MOUNTS)));
    }
}
