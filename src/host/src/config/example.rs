//! What `config example` prints.

/// A configuration in which everything is commented out: words start with `# `, settings with `#` alone.
pub(crate) const EXAMPLE: &str = r#"# agent-host runs without this file; every setting below has a default or is optional.
#
# Place:  $AGENT_HOST_HOME/config.toml, else $XDG_CONFIG_HOME/agent-host/config.toml (~/.config/agent-host/config.toml),
#         or any path with --config.
# Check:  agent-host config check
# To use a setting, remove the `#` in front of it and of its [table].

# The agent of new threads.
#default_agent = "native"

# The built-in agent. It needs a model; with OPENAI_API_KEY in the environment (or `agent-host auth login openai`) this is all.
#[agents.native]
#model = "the-name-of-a-model"
# How many tokens the model can take. Shortly before that, the earlier conversation is summed up. Without it, that happens
# when the provider says that a request is too long. Write it down for a server that says nothing and cuts what is too long,
# as Ollama does at `OLLAMA_CONTEXT_LENGTH`: nobody can notice that.
#context_tokens = 128000
# Whose credential the model calls carry. Leave it out for a server that wants none.
#tenant = "openai"
# The wire format: "openai-responses" or "openai-chat". Default: responses with a tenant, chat without.
#provider = "openai-responses"
#base_url = "https://api.openai.com/v1"
# A server with a certificate of a CA of your own: a file with that CA's certificate (PEM), besides those that the web trusts.
# For all that this machine trusts, as in "/etc/ssl/certs/ca-certificates.crt". Relative paths start at this file's folder.
#ca_file = "ca.pem"
# How long the server may say nothing, before its first word and between two: more for a slow model of your own.
#patience = "5m"
# What happens before a tool changes something or runs a command: "ask", "allow" or "deny".
#permissions = "ask"
# Added to the agent's system prompt.
#instructions = "Answer in the language of the question."

# The same agent with a model on this machine, such as Ollama's.
#[agents.local]
#title = "Local model"
#base_url = "http://127.0.0.1:11434/v1"
#model = "the-name-of-a-model"

# The same agent with a key for a server that is not OpenAI's, in two tables. A vendor that only knows API keys: the NAME of the
# environment variable that holds the host's (people may also give their own with /auth). Never the key itself.
#[vendors.acme-key]
#grant = "api-key"
#key_env = "ACME_KEY"
# And what sends it there. Most servers speak Chat Completions, and only that.
#[agents.acme]
#tenant = "acme-key"
#provider = "openai-chat"
#base_url = "https://api.acme.example/v1"
#model = "the-name-of-a-model"

# An external agent that speaks the Agent Client Protocol. It brings its own login and model: sign in with its own program, or
# give it the key that it asks for in `env`, as text or from a variable of the host's. Its standard output is for the protocol
# alone; of one that writes a log there too, take the rest: ["sh", "-c", "the-agent --acp | grep --line-buffered '^{'"].
# New threads get it with `default_agent = "codex"` above the tables; else people choose it with /agent.
#[agents.codex]
#command = ["codex-acp"]
#env = { RUST_LOG = "warn", SOME_KEY = { from_env = "SOME_KEY" } }

#[web]
# Where the chat page is. Another address than this machine's own needs a password, or a proxy that signs people in.
#listen = "127.0.0.1:7878"
# The NAME of the environment variable with the password; or, with password_file, a file whose first line it is.
#password_env = "AGENT_HOST_WEB_PASSWORD"
# Instead of a password: a proxy that signs people in, and says in a header who it is. Everybody else is kept out.
#     user_header = "X-Forwarded-User"
#     admins = ["alice@example.org"]         whoever is named so may also act for the host's own logins
# Every program of this machine, also a command of an agent, could send that header. So the proxy proves itself by a secret of
# 32 characters or more (`openssl rand -base64 32`): the NAME of the environment variable that holds it; or, with
# proxy_secret_file, a file whose first line it is. The proxy sends it with every request, and puts its own headers in place of
# the browser's. nginx: proxy_set_header X-Proxy-Secret "…"; proxy_set_header X-Forwarded-User $remote_user;
# proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header Host $host; Caddy, in reverse_proxy:
# header_up X-Proxy-Secret "…" and header_up X-Forwarded-User {http.auth.user.id}
# Beside a password a secret makes wrong passwords count for each client of the proxy, instead of for the proxy.
#proxy_secret_env = "AGENT_HOST_PROXY_SECRET"
#proxy_secret_header = "X-Proxy-Secret"
# The address that people type, where it is not the one above; behind a proxy that signs people in it must be set.
#public_url = "https://agents.example/"

# Discord. With a bot's token in DISCORD_TOKEN not even this table is needed: then the owner and the team of the application
# may speak to the bot, by mentioning it, wherever it was invited to.
#[discord]
# The NAME of the environment variable with the token; or, with token_file, a file whose first line it is; or, with
# token_command, a program that prints it, as in ["pass", "show", "discord-bot"]. Never the token itself: this file is shown,
# copied and backed up. (Like every NAME of a secret in this file, it may also be a credential of systemd's: LoadCredential=.)
#token_env = "DISCORD_TOKEN"
# Who may speak: these users, members with these roles, and always the owner and the team. Ids as numbers or in quotation
# marks (in Discord: Settings, Advanced, Developer Mode; then right-click, Copy ID).
#users = [123456789012345678]
#roles = ["234567890123456789"]
# Everybody in the places below. It has to be written out; empty lists never mean it.
#everyone = false
# Where: in these guilds and in these channels. If none is named, wherever the bot was invited to.
#guilds = [345678901234567890]
#allowed_channels = [456789012345678901]
# Whether direct messages of those who may speak are answered.
#dms = false
# Other bots and webhooks that are listened to, for so many turns in a row.
#bots = [567890123456789012]
#bot_turns = 5
# Who may allow and deny what the agent asks for, besides the owner of a thread.
#approvers = [678901234567890123]
# Who may sign in and out for the whole host, and choose an agent's mode where a channel asks or denies, besides the owner and the team.
#admins = [789012345678901234]
# Of a bot in more than 2500 guilds: the shards that this host connects, counted from 0.
#shards = { first = 0, last = 3, total = 16 }
# Where something looks into TLS on its way, such as a firewall: ca_file, a file with the certificate of its authority (PEM),
# which is trusted besides those that the web trusts. Relative paths start at this file's folder.

# What is different in a channel, with a table for each. It makes no channel one of the allowed ones.
#[discord.channels.456789012345678902]
# When the bot speaks: "mention" (and in its own threads), "all" or, wherever else it may, "off".
#mode = "mention"
#agent = "native"
#model = "the-name-of-a-model"
#dispatch = "queue"
# The folder in which each of its new threads gets a workspace of its own, a folder in it; no two threads share one.
# It and the folders of other channels, of the other threads, and of the state lie apart, or are the same as another channel's.
# Commands see what else is in it only as far as [cage] shows it.
#workspace = "/var/lib/agents/project"
# What happens before a tool changes something or runs a command: "ask", "allow" or "deny". It comes before the agent's own
# setting, and holds for older threads of the channel, too, from their next message on. With "ask" and "deny" only administrators
# choose the mode of an agent that has modes.
#permissions = "ask"

#[threads]
# What a message does that comes while a turn runs: "queue", "steer" or "interrupt".
#dispatch = "queue"
# Where threads get their workspaces. Relative paths start at this file's folder. Default: `workspaces` in the state folder.
#workspaces = "workspaces"

#[limits]
# Living workers; above it the one that is idle for longest ends.
#workers = 1000
# Workers that start at the same time.
#starting = 4
# Workers started in a second, after one second's worth at once.
#starts_per_second = 100
# Queued turns of one thread.
#queued = 100
# An idle worker ends after so long; its session is kept.
#idle = "30m"
# A worker must be ready in so long.
#start = "30s"
# A turn without a sign of life for so long gets a notice in its thread.
#silence = "2m"
# A request for permission that nobody answers is denied after so long.
#permission = "10m"
# A turn waits for a login for so long.
#login = "15m"
# After SIGTERM or Ctrl-C running turns may go on for so long; then they are cut, which their threads are told. Whoever stops
# the host has to wait 33 s longer than this before it kills (TimeoutStopSec=, stop_grace_period): for logins.
#drain = "2s"
# Model calls in one turn: an end to a model that goes round in circles.
#model_calls = 200
# Processes and threads that one command may have at once, from 16 to 8192; one with more is ended.
#processes = 4096

#[cage]
# Layers that tools on this host run without. `agent-host doctor` tells which ones hold. Every other layer is required.
#without = ["landlock"]
# Folders besides the system's that commands, and the tools that look, may read and execute, but not change: absolute, and
# never the state folder, the logins, or anything that holds them.
#readable = ["/srv"]

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

# A change to a vendor that is built in: no `grant`, only what is different.
#[vendors.codex]
#title = "Codex of our team"
"#;
