//! One read: from a name to the contents of the engine.

use vaultrs::api::kv1::requests::GetSecretRequest;
use vaultrs::api::kv2::requests::ReadSecretRequest;

use crate::error::Result;
use crate::store::SecretName;
use crate::store::kit::from_json::json_text;
use crate::store::vault::Vault;
use crate::store::vault::access::TokenReply;
use crate::store::vault::call::Call;
use crate::store::vault::config::KvVersion;
use crate::store::vault::diagnosis::Question;
use crate::store::vault::error::{foreign, no_answer, not_understood, refused};
use crate::store::vault::place::SecretPath;
use crate::value::SecretValue;
use crate::value::json::{Object, Value};

impl Vault {
    /// Reads the latest version of one secret.
    pub(super) async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let subject = format!("reading `{name}`");
        let place = self.place(name, &subject)?;
        let version = self.version(&place, name, &subject).await?;
        let call = call(&place, version).map_err(|error| no_answer(&error, &subject))?;
        let answer = self.access.ask(&call, name, &subject).await?;
        let question = self.question(&answer, &place.mount, &call.path, version, &subject);
        match answer.reply.status {
            200..=299 => self.value(&answer, &question).await,
            403 if answer.reply.is_of_vault() => Err(question.denied().await),
            403 | 404 if !answer.reply.is_of_vault() => Err(foreign(&answer.reply, &subject)),
            404 => self.absent(&answer, name, &question).await,
            _ => Err(refused(&answer.reply, &subject)),
        }
    }

    async fn value(&self, answer: &TokenReply, question: &Question<'_>) -> Result<Option<SecretValue>> {
        self.sightings.note_value();
        let json = answer.reply.json().ok_or_else(|| not_understood(&answer.reply, question.subject))?;
        let data = json.as_object().and_then(|members| members.get("data"));
        let data = match (question.version, data.and_then(Value::as_object)) {
            (KvVersion::Two, Some(versioned)) => versioned.get("data"),
            _ => data,
        };
        match data {
            Some(data @ Value::Object(_)) => Ok(json_text(data).map(SecretValue::structured)),
            _ => Err(question
                .misdirected(false)
                .await
                .unwrap_or_else(|| not_understood(&answer.reply, question.subject))),
        }
    }

    /// A 404 without details is an absence. With metadata it is a deleted version, with words a path that the
    /// engine does not serve; the official class returns None for all of them.
    async fn absent(
        &self,
        answer: &TokenReply,
        name: &SecretName,
        question: &Question<'_>,
    ) -> Result<Option<SecretValue>> {
        let json = answer.reply.json();
        let members = json.as_ref().and_then(Value::as_object);
        if members.is_some_and(is_deleted) {
            if self.access.memory.is_news(name) {
                tracing::warn!(
                    "`{name}` has no value any more: its latest version was deleted. Write a new one with \
                    `vault kv put`, or bring it back with `vault kv undelete`"
                );
            }
            return Ok(None);
        }
        let is_sure = self.settings.version.is_none();
        let in_words = answer.reply.has_words();
        if !in_words && (is_sure || !self.sightings.note_absence()) {
            return Ok(None);
        }
        match question.misdirected(in_words).await {
            Some(error) => Err(error.as_upstream_miss()),
            None => Ok(None),
        }
    }
}

fn call(place: &SecretPath, version: KvVersion) -> Result<Call, crate::http::TransportError> {
    let (mount, path) = (place.mount.clone(), place.path.clone());
    match version {
        KvVersion::One => Call::of(&GetSecretRequest { mount, path }),
        KvVersion::Two => Call::of(&ReadSecretRequest { mount, path, version: None }),
    }
}

/// Whether these are the metadata of a version without data.
fn is_deleted(members: &Object) -> bool {
    let data = members.get("data").and_then(Value::as_object);
    data.and_then(|data| data.get("metadata")).is_some_and(|metadata| metadata.as_object().is_some())
}
