//! What `config example` prints.

/// A configuration in which everything is commented out: words start with `# `, settings with `#` alone.
pub(crate) const EXAMPLE: &str = r#"# agent-host runs without this file; every setting below has a default or is optional.
#
# Place:  $AGENT_HOST_HOME/config.toml, else $XDG_CONFIG_HOME/agent-host/config.toml (~/.config/agent-host/config.toml),
#         or any path with --config.
# Check:  agent-host config check
# To use a setting, remove the `#` in front of it and of its [table].

#[credentials]
# The store of all logins. Relative paths start at this file's folder. Default: auth.json in the state folder.
#path = "auth.json"
# Locks on a network file system may not hold between machines, so one is refused unless you accept that.
#allow_network_filesystem = false

#[log]
# Which log lines are written to standard error: a level, or levels by module. AGENT_HOST_LOG comes before it.
#filter = "warn"

#[rehearsal]
# A running `agent-host rehearsal`. Default: the one that runs with this state folder. AGENT_HOST_REHEARSAL_URL comes before it.
#url = "http://127.0.0.1:7879/"

# A vendor of your own, signed in to with a link (authorization code with PKCE). Any name will do.
#[vendors.acme]
#grant = "pkce"
#title = "Acme"
#authorize_url = "https://login.acme.example/authorize"
#token_url = "https://login.acme.example/token"
#client_id = "agent-host"
# A loopback address without a port gets a free one in `auth login`.
#redirect_uri = "http://127.0.0.1/cb"
#scopes = ["openid", "offline_access"]
# A second way to sign in: a code typed into a page (RFC 8628).
#device_url = "https://login.acme.example/device"
# Where a login is given back at sign-out (RFC 7009).
#revoke_url = "https://login.acme.example/revoke"
# What tokens are bound to (RFC 8707).
#resource = "https://api.acme.example/"
# The NAME of the environment variable with the client secret, where the vendor wants one. Never the secret itself.
#client_secret_env = "ACME_CLIENT_SECRET"
# The NAME of an environment variable with an API key, which then comes before the host's login.
#key_env = "ACME_API_KEY"
# How token requests are written: "form" (the standard) or "json".
#token_body = "form"
# Further parameters of the link.
#extra_authorize_params = { audience = "https://api.acme.example/" }

# A vendor that is signed in to with a code only.
#[vendors.acme-device]
#grant = "device"
#device_url = "https://login.acme.example/device"
#token_url = "https://login.acme.example/token"
#client_id = "agent-host"

# A vendor that only knows API keys.
#[vendors.acme-key]
#grant = "api-key"
#key_env = "ACME_KEY"

# A change to a vendor that is built in: no `grant`, only what is different.
#[vendors.codex]
#title = "Codex of our team"
"#;
