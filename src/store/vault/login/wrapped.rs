//! Secret ids behind a wrapping token ("Response wrapping" in Vault's documentation).
//!
//! A wrapping token can be used once, but a store is rebuilt when a CA file or the environment changes. So
//! the unwrapped secret id is kept by the process, for all stores with the same token and server; a forked
//! child keeps using it.

use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use vaultrs::api::sys::requests::UnwrapRequest;

use crate::error::{Error, ErrorKind, Result};
use crate::process::no_fork;
use crate::store::vault::call::Call;
use crate::store::vault::diagnosis::is_sealed;
use crate::store::vault::error::{no_answer, refused, sealed};
use crate::store::vault::login::unsendable;
use crate::store::vault::server::{Reply, Server};

const SUBJECT: &str = "unwrapping the secret id";

/// The most that are kept; the oldest is dropped first.
const MOST_KEPT: usize = 16;

/// The contents of a wrapping token.
struct Unwrapped {
    place: String,
    token: SecretString,
    secret_id: SecretString,
}

/// Only locked under [`no_fork`], so that a fork never finds it locked.
static UNWRAPPED: Mutex<Vec<Unwrapped>> = Mutex::new(Vec::new());

/// The secret id behind `token`, unwrapped once in a process. Call it outside [`no_fork`].
pub(super) async fn secret_id(server: &Server, token: &SecretString) -> Result<SecretString> {
    let place = server.place();
    if let Some(secret_id) = kept(&place, token) {
        return Ok(secret_id);
    }
    let secret_id = unwrap(server, token).await?;
    keep(Unwrapped { place, token: token.clone(), secret_id: secret_id.clone() });
    Ok(secret_id)
}

fn kept(place: &str, token: &SecretString) -> Option<SecretString> {
    // A fork while the list is locked would leave it locked in the child.
    let _held = no_fork();
    let all = UNWRAPPED.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |one: &&Unwrapped| one.place == place && one.token.expose_secret() == token.expose_secret();
    all.iter().find(same).map(|one| one.secret_id.clone())
}

fn keep(one: Unwrapped) {
    // A fork while the list is locked would leave it locked in the child.
    let _held = no_fork();
    let mut all = UNWRAPPED.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MOST_KEPT {
        all.remove(0);
    }
    all.push(one);
}

async fn unwrap(server: &Server, token: &SecretString) -> Result<SecretString> {
    let call = Call::of(&UnwrapRequest { token: None }).map_err(|error| unsendable(&error))?;
    let reply = server.ask(&call, Some(token)).await.map_err(|error| no_answer(&error, SUBJECT))?;
    if is_sealed(server, &reply).await {
        return Err(sealed(SUBJECT));
    }
    if !reply.is_success() {
        let refused = refused(&reply, SUBJECT);
        return Err(if refused.is_temporary() { refused } else { used_up(reply.status) });
    }
    content(&reply).ok_or_else(|| {
        Error::new(ErrorKind::Unauthenticated, format!("{SUBJECT}: there is no secret id in it"))
            .with_hint("Make it with `vault write -wrap-ttl=... -f auth/approle/role/<role>/secret-id`")
    })
}

fn content(reply: &Reply) -> Option<SecretString> {
    let json = reply.json()?;
    let data = json.as_object()?.get("data")?.as_object()?;
    let secret_id = data.get("secret_id")?.as_str().filter(|secret_id| !secret_id.is_empty());
    secret_id.map(|secret_id| SecretString::from(secret_id.to_owned()))
}

fn used_up(status: u16) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("{SUBJECT}: the wrapping token is not valid"))
        .with_code(status.to_string())
        .with_hint(
            "It can be used once, in time and by one process. If it was not used here, someone else has read \
            the secret id: destroy that and make a new one",
        )
}
