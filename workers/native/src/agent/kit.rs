//! What the turn loop needs of a model and of tools, so that it can be tested with scripted ones.

use std::path::Path;

use cage::Policy;
use contract::Profile;

use crate::providers::{Model, Progress, ProviderError, Reply, Request};
use crate::tools::{Action, Outcome, Prepared, ToolSpec, Tools};

/// What answers. [`Model`] says what is promised.
pub(crate) trait Mind: Send + Sync + 'static {
    /// [`Model::call`].
    fn call(
        &self,
        request: Request<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Reply, ProviderError>> + Send;
}

/// What acts. [`Tools`] says what is promised.
pub(crate) trait Hands: Send + Sync + 'static {
    /// What is executed.
    type Action: Send;

    /// [`Tools::specs`].
    fn specs(&self) -> Vec<ToolSpec>;

    /// [`Tools::prepare`].
    fn prepare(&self, name: &str, arguments: &str) -> Result<Prepared<Self::Action>, String>;

    /// [`Tools::run`].
    fn run(
        &self,
        prepared: Prepared<Self::Action>,
        output: &mut (dyn FnMut(String) + Send),
        stopped: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = Outcome> + Send;
}

/// Makes both for a session.
pub(crate) trait Kit: Send + Sync + 'static {
    /// What answers.
    type Mind: Mind;
    /// What acts.
    type Hands: Hands;

    /// [`Model::new`].
    fn mind(&self, profile: &Profile) -> Result<Self::Mind, ProviderError>;

    /// [`Tools::new`].
    fn hands(&self, workspace: &Path, profile: &Profile) -> Self::Hands;
}

/// The real ones.
#[derive(Debug)]
pub(crate) struct Real;

impl Kit for Real {
    type Mind = Model;
    type Hands = Tools;

    fn mind(&self, profile: &Profile) -> Result<Model, ProviderError> {
        Model::new(profile)
    }

    fn hands(&self, workspace: &Path, profile: &Profile) -> Tools {
        let policy = Policy {
            workspace: workspace.to_owned(),
            readable: profile.readable.clone(),
            without: profile.without_layers.clone(),
        };
        Tools::new(&profile.session_folder.join("output"), policy, profile.processes)
    }
}

impl Mind for Model {
    fn call(
        &self,
        request: Request<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Reply, ProviderError>> + Send {
        Model::call(self, request, progress)
    }
}

impl Hands for Tools {
    type Action = Action;

    fn specs(&self) -> Vec<ToolSpec> {
        Tools::specs(self)
    }

    fn prepare(&self, name: &str, arguments: &str) -> Result<Prepared, String> {
        Tools::prepare(self, name, arguments)
    }

    fn run(
        &self,
        prepared: Prepared,
        output: &mut (dyn FnMut(String) + Send),
        stopped: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = Outcome> + Send {
        Tools::run(self, prepared, output, stopped)
    }
}
