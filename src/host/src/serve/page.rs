//! What the page is told when a host starts.

use chat::origins::Origins;
use chat::web;

use crate::config::Settings;
use crate::descriptors;

impl Settings {
    /// What the page is told: the configuration, and where threads of others are.
    pub(super) fn web_config(&self, origins: Origins) -> web::Config {
        let defaults = web::Config::new(
            self.web.listen,
            self.state_folder.clone(),
            self.default_agent.clone(),
        );
        let trials = match self.web.trials.as_slice() {
            [] => defaults.trials.clone(),
            trials => trials.to_vec(),
        };
        web::Config {
            allow: self.web.allow.clone(),
            proxy: self.web.proxy.clone(),
            public_url: self.web.public_url.clone(),
            notice: self.web.notice.clone(),
            dispatch: self.dispatch,
            trials,
            origins,
            spare_descriptors: descriptors::spare(self.limits.workers),
            ..defaults
        }
    }
}
