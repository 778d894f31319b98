//! Whether lookups go through the agent of the host (`src/agent`): the options.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::guests::{self, AgentGroup};
use crate::error::{Error, Result};
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, Options};

const MODE: OptionSpec = OptionSpec::new(
    "agent",
    OptionKind::Text,
    "Whether one process of the host reads for all others: off, auto (the first lookup starts it), always \
    (also in pods of the KubernetesExecutor and tasks with `run_as_user`), or the path of an agent's socket.",
)
.with_default("off");

const IDLE: OptionSpec = OptionSpec::new(
    "agent_idle",
    OptionKind::Duration,
    "How long an agent that a lookup has started stays without clients.",
)
.with(OptionDefault::Duration(Duration::from_mins(10)));

const IDENTITY: OptionSpec = OptionSpec::new(
    "agent_identity",
    OptionKind::Choice(&["own", "shared"]),
    "Whom an agent in Kubernetes answers: the pod that it is part of (own), or every pod that reaches its \
    socket, with its own identity (shared).",
)
.with_default("own");

/// The options of the agent.
pub(super) const OPTIONS: &[OptionSpec] = &[MODE, IDLE, guests::OPTION, IDENTITY];

/// Which agent is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentMode {
    /// None: each process reads for itself.
    Off,
    /// The one of this user and configuration, which the first lookup starts.
    Auto,
    /// The same, started wherever a lookup is made.
    Always,
    /// The one that listens at this path. It is never started.
    At(PathBuf),
}

/// How lookups use the agent.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// Which agent is asked.
    pub mode: AgentMode,
    /// How long a started agent stays without clients.
    pub idle: Duration,
    /// Who else than its user asks it.
    pub group: Option<Arc<AgentGroup>>,
    /// Whether it answers every pod of Kubernetes that reaches it.
    pub is_shared: bool,
}

impl AgentSettings {
    /// The settings that `options` ask for.
    pub fn from_options(options: &Options) -> Result<Self> {
        let text = options.text_of(&MODE);
        let mode = match text.trim().to_ascii_lowercase().as_str() {
            "off" | "false" | "no" | "0" | "" => AgentMode::Off,
            "auto" => AgentMode::Auto,
            "always" => AgentMode::Always,
            _ if text.starts_with('/') => AgentMode::At(PathBuf::from(text)),
            _ => {
                return Err(Error::config(
                    "`agent` in backend_kwargs is neither off, auto nor always, nor an absolute path",
                )
                .with_hint("Write `auto`, or the path of the socket that `strongroom agent` listens at"));
            }
        };
        let group = AgentGroup::from_options(options)?;
        if group.is_some() && !matches!(mode, AgentMode::At(_) | AgentMode::Off) {
            return Err(Error::config("`agent_group` in backend_kwargs needs a socket with a name")
                .with_hint("Set `agent` to the path of a socket, and run `strongroom agent` as a service"));
        }
        let is_shared = options.text_of(&IDENTITY) == "shared";
        Ok(Self { mode, idle: options.duration_of(&IDLE), group, is_shared })
    }

    /// Whether an option changes how an agent is reached, and not what it answers.
    pub fn concerns(key: &str) -> bool {
        OPTIONS.iter().any(|option| option.key == key)
    }
}
