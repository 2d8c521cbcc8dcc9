//! The checks of what `inspect` and `verify` are asked.

use super::check::Errors;
use super::{ConfigErrors, InspectArgs, InspectConfig, VerifyArgs, VerifyConfig};
use crate::ids::ProjectId;

impl InspectArgs {
    /// Checks everything.
    ///
    /// # Errors
    /// [`ConfigErrors`], a sentence each.
    pub fn check(&self) -> Result<InspectConfig, ConfigErrors> {
        let mut errors = Errors::default();
        let project = named(&self.project, &mut errors);
        let durable = self.durable.read(&mut errors);
        let keyspace = errors.keyspace(&self.key_prefix);
        let redis = errors.url("COLLAB_REDIS_URL", self.redis_url.as_ref()).map(|target| (target, keyspace));
        match project {
            Some(project) if errors.0.is_empty() => Ok(InspectConfig { project, json: self.json, durable, redis }),
            _ => Err(ConfigErrors(errors.0)),
        }
    }
}

impl VerifyArgs {
    /// Checks everything.
    ///
    /// # Errors
    /// [`ConfigErrors`], a sentence each.
    pub fn check(&self) -> Result<VerifyConfig, ConfigErrors> {
        let mut errors = Errors::default();
        let project = self.project.as_ref().and_then(|name| named(name, &mut errors));
        let durable = self.durable.read(&mut errors);
        if errors.0.is_empty() {
            Ok(VerifyConfig { project, json: self.json, durable })
        } else {
            Err(ConfigErrors(errors.0))
        }
    }
}

fn named(name: &str, errors: &mut Errors) -> Option<ProjectId> {
    let parsed = ProjectId::parse(name);
    parsed.map_err(|error| errors.add(format_args!("the project {name:?}: {error}"))).ok()
}
