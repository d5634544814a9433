//! The Discord that is driven, and what each order does in it. What can't be done panics with words, as in a test.

use std::time::Duration;

use serde_json::{Value, json};
use support::discord::{Fake, Fault, GuildScene, Id, Kind, Person, Post};

use crate::look;
use crate::order::{File, Order};

pub(crate) struct Stage {
    pub(crate) fake: Fake,
    guild: GuildScene,
}

impl Stage {
    pub(crate) fn new(fake: Fake) -> Self {
        let guild = fake.guild("g");
        guild.admit(&fake.owner());
        guild.channel("general");
        Self { fake, guild }
    }

    pub(crate) fn obey(&mut self, order: Order) -> Value {
        match order {
            Order::Help => Value::Null,
            Order::Say {
                who,
                at,
                text,
                reply_to,
                files,
            } => {
                let who = self.who(&who);
                let mut post = Post::new(&self.text(&text));
                if let Some(original) = reply_to {
                    post = post.reply_to(id(&original));
                }
                for File { name, kind, text } in files {
                    post = post.file(&name, &kind, text.as_bytes());
                }
                json!(who.posts(self.at(&who, &at), post))
            }
            Order::Edit { who, message, text } => {
                self.who(&who).edits(id(&message), &self.text(&text));
                Value::Null
            }
            Order::Delete { who, message } => {
                self.who(&who).deletes(id(&message));
                Value::Null
            }
            Order::React { who, message, emoji } => {
                self.who(&who).reacts(id(&message), &emoji);
                Value::Null
            }
            Order::Webhook { name, at, text } => {
                let hook = self.guild.webhook(&name);
                json!(hook.says(self.place(&at), &self.text(&text)))
            }
            asking @ (Order::Slash { .. }
            | Order::Complete { .. }
            | Order::Press { .. }
            | Order::Pick { .. }
            | Order::Submit { .. }
            | Order::Forge { .. }
            | Order::Replay { .. }) => self.ask(asking),
            looking @ (Order::Messages { .. }
            | Order::Asked { .. }
            | Order::Threads { .. }
            | Order::Commands
            | Order::Requests { .. }
            | Order::Complaints
            | Order::Typing { .. }) => self.look(looking),
            placing @ (Order::Channel { .. }
            | Order::Thread { .. }
            | Order::Post { .. }
            | Order::Archive { .. }
            | Order::Lock { .. }
            | Order::Rename { .. }
            | Order::Remove { .. }
            | Order::Guild { .. }) => self.arrange(placing),
            Order::Member { name, bot } => {
                let person = if bot {
                    self.guild.other_bot(&name)
                } else {
                    self.guild.member(&name)
                };
                json!(person.id)
            }
            Order::Kick { who } => {
                self.guild.kick(&self.who(&who));
                Value::Null
            }
            Order::Team { who } => {
                let people: Vec<Person> = who.iter().map(|name| self.who(name)).collect();
                self.fake.set_team(&people.iter().collect::<Vec<_>>());
                Value::Null
            }
            Order::ExpelBot => {
                self.guild.expel_bot();
                Value::Null
            }
            Order::Role {
                name,
                permissions,
                of,
            } => {
                let role = self.guild.role(&name, permissions);
                for who in of {
                    self.guild.set_roles(&self.who(&who), &[role]);
                }
                json!(role)
            }
            Order::Overwrite { at, who, allow, deny } => {
                let who = match who.as_str() {
                    "bot" => self.fake.bot(),
                    "everyone" => self.guild.id,
                    name => self.who(name).id,
                };
                self.guild.overwrite(self.place(&at), who, allow, deny);
                Value::Null
            }
            trouble => self.trouble(trouble),
        }
    }

    fn ask(&self, order: Order) -> Value {
        let asked = match order {
            Order::Slash {
                who,
                at,
                command,
                options,
            } => {
                let (who, options) = (self.who(&who), pairs(&options));
                who.slash(self.at(&who, &at), &command, &options)
            }
            Order::Complete {
                who,
                at,
                command,
                options,
                focused,
            } => {
                let (who, options) = (self.who(&who), pairs(&options));
                who.completes(self.at(&who, &at), &command, &options, &focused)
            }
            Order::Press { who, message, button } => {
                let (who, message) = (self.who(&who), id(&message));
                let labelled = self
                    .fake
                    .look(|world| world.message(message).and_then(|one| one.button(&button)));
                who.presses(message, &labelled.unwrap_or(button))
            }
            Order::Pick {
                who,
                message,
                menu,
                values,
            } => {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                self.who(&who).picks(id(&message), &menu, &values)
            }
            Order::Submit { who, form, fields } => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, is)| (name.as_str(), is.as_str()))
                    .collect();
                self.who(&who).submits(id(&form), &fields)
            }
            Order::Forge {
                who,
                message,
                custom_id,
            } => self.who(&who).forges(id(&message), &custom_id),
            Order::Replay { interaction } => {
                self.fake.replays(id(&interaction));
                id(&interaction)
            }
            _ => unreachable!("only what is asked comes here"),
        };
        json!(asked)
    }

    fn look(&self, order: Order) -> Value {
        match order {
            Order::Messages { at, who } => {
                let who = who.map(|name| self.who(&name));
                let place = who
                    .as_ref()
                    .map_or_else(|| self.place(&at), |who| self.at(who, &at));
                self.fake.look(|world| {
                    let seen = who.map_or_else(
                        || world.messages(place),
                        |who| world.messages_seen_by(who.id, place),
                    );
                    seen.into_iter().map(|one| look::message(world, one)).collect()
                })
            }
            Order::Asked { interaction } => self.fake.look(|world| {
                world
                    .interaction(id(&interaction))
                    .map_or(Value::Null, |one| look::interaction(world, one))
            }),
            Order::Threads { at } => {
                let place = self.place(&at);
                self.fake
                    .look(|world| world.threads(place).into_iter().map(look::channel).collect())
            }
            Order::Commands => self
                .fake
                .look(|world| world.commands().iter().map(|one| one.body.clone()).collect()),
            Order::Requests { last } => {
                let all = self.fake.requests();
                let from = all.len().saturating_sub(last.unwrap_or(20));
                let told = all[from..].iter();
                told.map(|one| json!({ "method": one.method, "path": one.path, "status": one.status, "at": one.at, "body": one.body }))
                    .collect()
            }
            Order::Complaints => json!(self.fake.take_complaints()),
            Order::Typing { at } => {
                let place = self.place(&at);
                json!(self.fake.look(|world| world.typing(place).len()))
            }
            _ => unreachable!("only what is looked at comes here"),
        }
    }

    fn arrange(&mut self, order: Order) -> Value {
        match order {
            Order::Channel { name, kind } => json!(
                self.guild
                    .place(&name, kind_of(kind.as_deref().unwrap_or("text")))
            ),
            Order::Thread { who, at, name, from } => {
                json!(
                    self.who(&who)
                        .starts_thread(self.place(&at), &name, from.as_deref().map(id))
                )
            }
            Order::Post { who, at, name, text } => {
                json!(
                    self.who(&who)
                        .posts_in_forum(self.place(&at), &name, &self.text(&text))
                )
            }
            Order::Archive { who, at, is } => {
                self.who(&who).archives(self.place(&at), is);
                Value::Null
            }
            Order::Lock { who, at, is } => {
                self.who(&who).locks(self.place(&at), is);
                Value::Null
            }
            Order::Rename { who, at, name } => {
                self.who(&who).renames(self.place(&at), &name);
                Value::Null
            }
            Order::Remove { who, at } => {
                self.who(&who).deletes_channel(self.place(&at));
                Value::Null
            }
            Order::Guild { name } => {
                self.guild = self.fake.guild(&name);
                self.guild.admit(&self.fake.owner());
                json!(self.guild.id)
            }
            _ => unreachable!("only places come here"),
        }
    }

    fn trouble(&self, order: Order) -> Value {
        match order {
            Order::Fault {
                what,
                number,
                method,
                path,
                times,
            } => {
                let pause = Duration::from_secs(number.into());
                let mut fault = match what.as_str() {
                    "status" => Fault::status(number),
                    "too_many" => Fault::too_many(pause),
                    "too_many_globally" => Fault::too_many_globally(pause),
                    "slow" => Fault::slow(pause),
                    "answer_lost" => Fault::answer_lost(),
                    "done_then" => Fault::done_then(number),
                    "request_lost" => Fault::request_lost(),
                    other => panic!("there is no fault `{other}`"),
                };
                if let Some(path) = path {
                    let method = method.unwrap_or_else(|| "POST".to_owned());
                    // A few for the life of a program that somebody drives by hand.
                    fault = fault.on(method.leak(), &path);
                }
                self.fake.inject(fault.times(times.unwrap_or(1)));
            }
            Order::Gateway { what, number } => {
                let gateway = self.fake.gateway();
                match what.as_str() {
                    "drop" => gateway.drop_connections(),
                    "close" => gateway.close_connections(number),
                    "reconnect" => gateway.ask_to_reconnect(),
                    "invalidate" => gateway.invalidate_sessions(number > 0),
                    "refuse" => gateway.refuse_connections(number.into()),
                    "silent" => gateway.be_silent(number > 0),
                    "away" => gateway.guild_is_away(self.guild.id),
                    "back" => gateway.guild_is_back(self.guild.id),
                    other => panic!("the gateway can't `{other}`"),
                }
            }
            Order::Intents { privileged } => self.fake.set_privileged(privileged),
            Order::Clock { seconds } => self.fake.clock().advance(Duration::from_secs(seconds)),
            Order::FileLimit { bytes } => self.fake.set_file_limit(bytes),
            _ => unreachable!("only trouble comes here"),
        }
        Value::Null
    }

    fn who(&self, name: &str) -> Person {
        if name == "owner" {
            self.fake.owner()
        } else {
            self.guild.member(name)
        }
    }

    fn at(&self, who: &Person, place: &str) -> Id {
        if place == "dm" {
            who.direct()
        } else {
            self.place(place)
        }
    }

    /// By its id, or by the name of a text channel.
    fn place(&self, place: &str) -> Id {
        place.parse().unwrap_or_else(|_| self.guild.channel(place))
    }

    fn text(&self, text: &str) -> String {
        text.replace("{bot}", &self.fake.bot().mention())
    }
}

fn id(text: &str) -> Id {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no id"))
}

fn pairs(options: &std::collections::BTreeMap<String, Value>) -> Vec<(&str, Value)> {
    options
        .iter()
        .map(|(name, is)| (name.as_str(), is.clone()))
        .collect()
}

fn kind_of(name: &str) -> Kind {
    match name {
        "text" => Kind::Text,
        "forum" => Kind::Forum,
        "news" => Kind::News,
        "voice" => Kind::Voice,
        "stage" => Kind::Stage,
        "category" => Kind::Category,
        other => panic!("there is no kind `{other}`"),
    }
}
