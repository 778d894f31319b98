//! Roles that are assumed with an identity token, as in EKS pods (STS `AssumeRoleWithWebIdentity`).

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::types::PolicyDescriptorType;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::redact::{Shown, ShownPath};
use crate::store::aws::credentials::assume_role::{credentials, role_error, session_name};
use crate::store::aws::credentials::{CredentialSource, no_credentials};
use crate::store::aws::error::Failure;
use crate::store::aws::role::RoleParameters;

/// A role and the file whose token allows it. The file is read at each renewal: Kubernetes replaces it.
pub(super) struct WebIdentityRole {
    pub(super) client: Client,
    pub(super) token_file: PathBuf,
    pub(super) parameters: RoleParameters,
}

impl WebIdentityRole {
    fn token(&self) -> Result<Zeroizing<String>> {
        let token = std::fs::read_to_string(&self.token_file).map(Zeroizing::new).map_err(|error| {
            unusable(format!("the identity token `{}` cannot be read: {error}", ShownPath(&self.token_file)))
        })?;
        if token.trim_start_matches('\u{feff}').trim().is_empty() {
            return Err(unusable(format!("the identity token `{}` is empty", ShownPath(&self.token_file))));
        }
        // Editors on Windows write a byte order mark, which is not part of a token.
        match token.strip_prefix('\u{feff}') {
            Some(token) => Ok(Zeroizing::new(token.to_owned())),
            None => Ok(token),
        }
    }
}

fn unusable(message: String) -> Error {
    no_credentials(message).with_hint(
        "Check AWS_WEB_IDENTITY_TOKEN_FILE or `assume_role_with_web_identity_token_file`, and that this user \
        can read the file",
    )
}

/// Leaves out the client, whose own Debug fills pages with the SDK's tables.
impl fmt::Debug for WebIdentityRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebIdentityRole")
            .field("parameters", &self.parameters)
            .field("token_file", &self.token_file)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl CredentialSource for WebIdentityRole {
    fn origin(&self) -> String {
        format!(
            "the role {}, assumed with the identity token `{}`",
            Shown(&self.parameters.role_arn),
            ShownPath(&self.token_file)
        )
    }

    async fn load(&self) -> Result<Credentials> {
        let role = &self.parameters;
        let token = self.token()?;
        let mut request = self
            .client
            .assume_role_with_web_identity()
            .role_arn(&role.role_arn)
            .role_session_name(session_name(role.session_name.as_deref()))
            .web_identity_token(token.trim())
            .set_duration_seconds(role.duration_seconds)
            .set_policy(role.policy.clone());
        for arn in &role.policy_arns {
            request = request.policy_arns(PolicyDescriptorType::builder().arn(arn).build());
        }
        let subject = format!("assuming the role `{}` with the identity token", Shown(&role.role_arn));
        let answer = request.send().await.map_err(|error| {
            role_error(Failure::of(&error, &subject), &role.role_arn, "AssumeRoleWithWebIdentity")
        })?;
        credentials(answer.credentials, &role.role_arn)
    }
}
