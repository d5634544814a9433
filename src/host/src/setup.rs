//! `setup discord`: from nothing to a bot that may speak, each step checked while the person does it.
//!
//! Everything is gathered first, and written at the end as whole files: whenever it is interrupted, nothing is half done.

use std::path::Path;

use chat::discord::inspect::{Application, Bot, Channel, Rest, invite_link};

use crate::arguments::SetupDiscord;
use crate::config::{Loaded, Problem, Settings};
use crate::doctor::{intent_steps, without_model};
use crate::failure::{Exit, Failure, Outcome};
use crate::running::HostLock;
use crate::{assembly, log, output, service_manager, terminal};

mod channels;
mod dialogue;
mod document;
mod file;
mod names;
mod people;
mod token;
mod wait;

use dialogue::Dialogue;
use document::Plan;
pub(crate) use names::Said;

const WELCOME: &str = "\
This sets up Discord. Nothing is written before the end, and Ctrl-C leaves everything as it is.

1. The application
   Open https://discord.com/developers/applications and make a New Application (or open one that you have).
   In it, open Bot, and switch on Message Content Intent; Save Changes.
   There too: Reset Token, and copy the token. Discord shows it once.
";

/// Runs the guide, or with `--yes` all of it at once.
pub(crate) fn run(asked: &SetupDiscord, loaded: Loaded) -> Outcome {
    log::start(&loaded.settings.log_filter);
    // Without a token is how most people come here.
    let lines: Vec<String> = loaded
        .problems
        .iter()
        .filter(|problem| problem.concerns_all())
        .map(Problem::to_string)
        .collect();
    if !lines.is_empty() {
        return Err(Failure::words(format!(
            "the configuration has problems, and is left as it is:\n  {}",
            lines.join("\n  ")
        ))
        .hint("mend them first; `agent-host config check` tells when all is well"));
    }
    if !asked.yes && !terminal::is_at_stdin() {
        return Err(Failure::words("this guide asks questions, and standard input is not a terminal")
            .exit(Exit::Usage)
            .hint(
                "run it in a terminal, or say everything at once: `agent-host setup discord --yes --token-env DISCORD_TOKEN`",
            ));
    }
    let settings = loaded.settings;
    file::may_write(&settings.config_path)?;
    assembly::run(async {
        tokio::select! {
            // Signals first: whoever reads the first question may press Ctrl-C at once.
            biased;
            () = terminal::ended_from_outside() => {
                output::say("");
                Err(Failure::words("interrupted; nothing was written"))
            }
            outcome = Guide::start(asked, &settings).go() => outcome,
        }
    })
}

/// One run through all steps.
struct Guide<'a> {
    asked: &'a SetupDiscord,
    settings: &'a Settings,
    /// Whom to ask; nobody with `--yes`.
    dialogue: Option<Dialogue>,
    /// What a person still has to do.
    left: Vec<String>,
}

/// Who was met.
struct Met {
    rest: Rest,
    bot: Bot,
    application: Application,
}

impl<'a> Guide<'a> {
    fn start(asked: &'a SetupDiscord, settings: &'a Settings) -> Self {
        Self {
            asked,
            settings,
            dialogue: (!asked.yes).then(Dialogue::start),
            left: Vec::new(),
        }
    }

    async fn go(mut self) -> Outcome {
        if self.dialogue.is_some() {
            output::say(WELCOME);
            output::say("2. The token");
        }
        let written = document::Written::read(self.settings)?;
        let (token, met) = self.token(written.source.as_ref()).await?;
        done(&format!(
            "this is the bot {} ({}) of the application {}",
            met.bot.name, met.bot.id, met.application.name
        ));
        self.intent(&met).await?;
        self.invitation(&met).await?;
        let (channels, speaks_in) = self.channels(&met, &written).await?;
        let people = self.people(&met, &written, &speaks_in).await?;
        let plan = Plan {
            source: token.to_write(),
            channels,
            people,
        };
        let is_of_service =
            token.is_for_this_run() || self.settings.config_path == Path::new(service_manager::CONFIGURATION);
        if !self.write(&plan, token).await? {
            return Ok(Exit::Done);
        }
        self.greeting(&met, &speaks_in).await?;
        Ok(self.farewell(&met, &speaks_in, is_of_service))
    }

    async fn intent(&mut self, met: &Met) -> Result<(), Failure> {
        self.step("3. The intent: without it, messages reach the bot without their text");
        let steps = intent_steps(met.application.id);
        let is_on = async || Ok(met.rest.application().await?.reads_messages.then_some(()));
        if self
            .wait("Message Content Intent is not on yet", &steps, is_on)
            .await?
            .is_some()
        {
            done("Message Content Intent is on");
        }
        Ok(())
    }

    async fn invitation(&mut self, met: &Met) -> Result<(), Failure> {
        self.step(
            "4. The invitation: an administrator of your server opens this link, and chooses the server",
        );
        let link = invite_link(met.application.id);
        if self.dialogue.is_some() {
            output::say(&format!("   {link}"));
        }
        let steps = format!("open {link}");
        let is_in = async || {
            let guilds = met.rest.guilds().await?;
            Ok((!guilds.is_empty()).then_some(guilds))
        };
        if let Some(guilds) = self.wait("the bot is in no server yet", &steps, is_in).await? {
            let names: Vec<&str> = guilds.iter().map(|guild| guild.name.as_str()).collect();
            done(&format!("the bot is in {}", output::some_of(&names, 8)));
        }
        Ok(())
    }

    /// Shows what will be written, and writes it. False when the person does not want it.
    async fn write(&mut self, plan: &Plan, token: token::Chosen) -> Result<bool, Failure> {
        let path = &self.settings.config_path;
        if self.dialogue.is_some() {
            let text = document::merged(&file::text(path)?, plan)?;
            self.step("7. The configuration");
            output::say(&document::section(&text));
        }
        if let Some(dialogue) = &mut self.dialogue
            && !dialogue
                .yes(&format!("write this into `{}`?", path.display()), true)
                .await?
        {
            output::say("nothing was written");
            return Ok(false);
        }
        token.keep(&self.settings.state_folder)?;
        file::write(path, plan)?;
        done(&format!("written: `{}`", path.display()));
        Ok(true)
    }

    async fn greeting(&mut self, met: &Met, channels: &[Channel]) -> Result<(), Failure> {
        let is_fit =
            |channel: &&Channel| channel.permissions.missing().is_empty() && channel.permissions.may_say();
        let Some(channel) = channels.iter().find(is_fit) else {
            return Ok(());
        };
        let Some(dialogue) = &mut self.dialogue else {
            return Ok(());
        };
        if !dialogue
            .yes(&format!("say hello in #{}?", channel.name), false)
            .await?
        {
            return Ok(());
        }
        let text = format!(
            "Hello! I am set up. As soon as the host runs, mention me: <@{}> hello",
            met.bot.id
        );
        match met.rest.say(channel.id, &text).await {
            Ok(()) => done(&format!("said hello in #{}", channel.name)),
            Err(trouble) => output::say(&format!("   could not say hello in #{}: {trouble}", channel.name)),
        }
        Ok(())
    }

    /// `is_of_service`: a service has the token, and this shell may not.
    fn farewell(mut self, met: &Met, channels: &[Channel], is_of_service: bool) -> Exit {
        let lacks = self.lacking_model();
        if !self.left.is_empty() {
            self.left.extend(lacks);
            let left: Vec<String> = self.left.iter().map(|left| format!("  - {left}")).collect();
            output::say(&format!("\nleft to do:\n{}", left.join("\n")));
            output::say("`agent-host doctor` tells when all is well");
            return if self.dialogue.is_some() {
                Exit::Done
            } else {
                Exit::Failed
            };
        }
        let first = lacks.map_or_else(String::new, |lacks| format!("\nfirst: {lacks}"));
        // In a forum everything stands in posts.
        let says = channels.iter().find(|channel| channel.permissions.may_say());
        let place = match (says, channels.first()) {
            (Some(channel), _) => format!(" in #{}", channel.name),
            (None, Some(forum)) => format!(" in a new post of #{}", forum.name),
            (None, None) => String::new(),
        };
        let (start, again) = if is_of_service {
            (
                "restart the service whose configuration this is, `systemctl restart agent-host`",
                format!("as the service, {}", service_manager::command("doctor")),
            )
        } else {
            let start = match HostLock::holder(&self.settings.state_folder) {
                Some(_) => "stop the host that runs, and start it again, so that it reads this",
                None => "`agent-host up`",
            };
            (start, "`agent-host doctor`".to_owned())
        };
        output::say(&format!(
            "{first}\nnext: {start}, then type{place}: @{} hello\n{again} looks at all of it again",
            met.bot.name
        ));
        Exit::Done
    }

    /// What the agent of new threads still needs, and how it gets it.
    fn lacking_model(&self) -> Option<String> {
        let agent = &self.settings.default_agent;
        let (what, hint) = without_model(agent, self.settings.agents.get(agent)?)?;
        let path = self.settings.config_path.display();
        Some(format!("{what}, and could only say so: {hint} (`{path}`)"))
    }

    /// The heading of a step, for a person who reads along.
    fn step(&self, heading: &str) {
        if self.dialogue.is_some() {
            output::say(&format!("\n{heading}"));
        }
    }
}

/// One more thing is as it should be.
fn done(what: &str) {
    output::say(&format!("   ✔ {what}"));
}
