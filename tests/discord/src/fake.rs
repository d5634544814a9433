//! The fake as a test holds it: started on free ports, looked at, waited for, and checked at its end.

use std::cell::Cell;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Id;
use crate::buckets::Limits;
use crate::clock::Clock;
use crate::contract::contract;
use crate::control::GatewayControl;
use crate::desk::Desk;
use crate::faults::{Fault, Wrong};
use crate::gateway::Listener;
use crate::held::Requests;
use crate::people::Person;
use crate::rest::{self, Seen};
use crate::scene::GuildScene;
use crate::tls::TlsDoor;
use crate::world::{Message, World};

/// Longer than anything honest takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// The bot's token: of the right shape, and worth nothing anywhere.
const TOKEN: &str = "MTAwMDAwMDAwMDAwMDAwMDAw.fake00.only-known-to-the-fake-discord-of-the-tests";

thread_local! {
    /// Whose world this thread holds (an address, or 0): to take the same one twice would be to wait for ever.
    static HOLDS: Cell<usize> = const { Cell::new(0) };
}

/// The world, held. Never across an `await`, so that it ends on the thread where it began.
pub(crate) struct Held<'a> {
    world: MutexGuard<'a, World>,
    before: usize,
}

impl Deref for Held<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        HOLDS.set(self.before);
    }
}

/// What all parts of one fake share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<Clock>,
    world: Mutex<World>,
    desk: Mutex<Desk>,
    pub(crate) held: Requests,
}

impl Shared {
    pub(crate) fn world(&self) -> Held<'_> {
        let here = std::ptr::from_ref(self).addr();
        let before = HOLDS.get();
        assert_ne!(
            before, here,
            "inside a look at the fake nothing else can be done with it"
        );
        // A test that failed while it held the lock must not hide its own words behind others'.
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        HOLDS.set(here);
        Held { world, before }
    }

    /// Whoever waits looks again after this long, real time.
    pub(crate) fn signal_after(&self, delay: Duration) {
        let clock = Arc::clone(&self.clock);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            clock.signal();
        });
    }

    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn complain(&self, words: String) {
        self.desk().complaints.push(words);
        self.clock.signal();
    }

    pub(crate) fn record(&self, method: &str, path: &[String], body: Value, status: u16) {
        let seen = Seen {
            method: method.to_owned(),
            path: format!("/{}", path.join("/")),
            body,
            status,
            at: self.clock.now(),
        };
        self.desk().seen.push(seen);
        self.clock.signal();
    }
}

/// One Discord with one application. It ends when it is dropped, and then it must be clean.
#[derive(Debug)]
pub struct Fake {
    shared: Arc<Shared>,
    base: String,
    bot: Id,
    gateway_url: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Fake {
    /// Listens on two free ports of this machine. There is no guild yet; the application has an owner, and all
    /// privileged intents are switched on.
    pub async fn start() -> Self {
        Self::start_behind(Duration::ZERO).await
    }

    /// The same, with a clock that is behind this machine's, so that this machine's is ahead.
    pub async fn start_behind(by: Duration) -> Self {
        let clock = Arc::new(Clock::new(by));
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(Arc::clone(&clock), TOKEN)),
            clock,
            desk: Mutex::default(),
            held: Requests::default(),
        });
        let rest = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("this machine has a free port");
        let base = format!(
            "http://{}",
            rest.local_addr().expect("a bound socket has an address")
        );
        let gateway = Listener::bind().await.expect("this machine has a free port");
        let port = gateway.port().expect("a bound socket has an address");
        let gateway_url = format!("ws://127.0.0.1:{port}");
        let bot = {
            let mut world = shared.world();
            world.cdn = format!("{base}/cdn");
            world.gateway.url.clone_from(&gateway_url);
            world.application.bot
        };
        let app = router(Arc::clone(&shared));
        let tasks = vec![
            tokio::spawn(async move {
                axum::serve(rest, app)
                    .await
                    .expect("a server without an end ends with its task");
            }),
            tokio::spawn(gateway.run(Arc::clone(&shared))),
        ];
        Self {
            shared,
            base,
            bot,
            gateway_url,
            tasks,
        }
    }

    /// Where REST is, as a client's proxy setting wants it: `http://127.0.0.1:1234`; paths begin with `/api/v10`.
    pub fn api_base(&self) -> &str {
        &self.base
    }

    /// Where the gateway is: `ws://127.0.0.1:1234`.
    pub fn gateway_url(&self) -> &str {
        &self.gateway_url
    }

    /// The bot's token, without `Bot ` in front.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// The bot's user.
    pub fn bot(&self) -> Id {
        self.bot
    }

    /// Moves time: tokens end, nonces are forgotten, rate limits reset.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Whether requests and replies are held against Discord's document.
    pub fn is_validated(&self) -> bool {
        contract().is_some()
    }

    /// Second doors to the same REST interface and gateway, over TLS with a CA of its own, valid for `discord.com` and
    /// `localhost`.
    pub async fn serve_tls(&mut self) -> TlsDoor {
        let place = |url: &str| url.split_once("://").and_then(|(_, place)| place.parse().ok());
        let (rest, gateway) = (place(&self.base), place(&self.gateway_url));
        let words = "both begin as an address does";
        let (door, tasks) = TlsDoor::open(rest.expect(words), gateway.expect(words)).await;
        self.tasks.extend(tasks);
        door
    }

    // ---- who is there ------------------------------------------------------------------------------------------

    /// The guild of this name with the bot in it, made when it is first named.
    pub fn guild(&self, name: &str) -> GuildScene {
        GuildScene::named(Arc::clone(&self.shared), name)
    }

    /// Who made the application.
    pub fn owner(&self) -> Person {
        let id = self.shared.world().application.owner;
        Person::new(Arc::clone(&self.shared), id)
    }

    /// Somebody who is in no guild yet.
    pub fn person(&self, name: &str) -> Person {
        let id = self.shared.world().add_user(name, false);
        Person::new(Arc::clone(&self.shared), id)
    }

    /// From now on a team owns the application; its first member is the team's owner.
    pub fn set_team(&self, members: &[&Person]) {
        self.shared.world().application.team = members.iter().map(|person| person.id).collect();
    }

    /// Somebody is invited into the team, and has not said yes.
    pub fn invite_into_team(&self, person: &Person) {
        self.shared.world().application.invited.push(person.id);
    }

    /// Which privileged intents are switched on for the application (bits of [`intents`](crate::intents)).
    pub fn set_privileged(&self, intents: u64) {
        self.shared.world().application.privileged = intents;
    }

    // ---- what goes wrong ---------------------------------------------------------------------------------------

    /// The next request that it fits goes wrong; earlier faults come first.
    pub fn inject(&self, fault: Fault) {
        self.shared.desk().faults.push(fault);
    }

    /// Faults that have not struck yet.
    pub fn faults_left(&self) -> usize {
        self.shared.desk().faults.len()
    }

    /// Lets everything happen that is held, and waits until it has.
    pub async fn let_go(&self) {
        self.shared.held.let_go();
        self.until("the end of what was held", |_| {
            self.shared.held.is_empty().then_some(())
        })
        .await;
    }

    /// Nothing goes wrong any more.
    pub fn forget_faults(&self) {
        self.shared.desk().faults.clear();
    }

    /// Other rate limits than Discord's.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.desk().limits = limits;
    }

    /// The largest file, in bytes, whatever a guild's tier says.
    pub fn set_file_limit(&self, bytes: usize) {
        self.shared.world().file_limit = Some(bytes);
    }

    /// From now on no message takes words with this link: Discord lists it as harmful.
    pub fn lists_as_harmful(&self, link: &str) {
        self.shared.world().harmful.push(link.to_owned());
    }

    /// What the gateway does wrong.
    pub fn gateway(&self) -> GatewayControl<'_> {
        GatewayControl::new(&self.shared)
    }

    /// The same interaction arrives once more, token and all.
    pub fn replays(&self, interaction: Id) {
        self.shared.world().tell_interaction(interaction);
    }

    // ---- what can be seen --------------------------------------------------------------------------------------

    /// Looks at everything at this moment. Nothing moves meanwhile: inside, no person acts and no other look is taken.
    pub fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.shared.world())
    }

    /// What everyone sees in a channel, oldest first.
    pub fn messages(&self, channel: impl Into<Id>) -> Vec<Message> {
        let channel = channel.into();
        self.look(|world| world.messages(channel).into_iter().cloned().collect())
    }

    /// What the bot says in a channel, for everyone, oldest first. Without the notes that Discord writes in its name.
    pub fn said(&self, channel: impl Into<Id>) -> Vec<String> {
        let bot = self.bot();
        let ours = self
            .messages(channel)
            .into_iter()
            .filter(|message| message.author == bot && !message.is_note());
        ours.map(|message| message.content).collect()
    }

    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.desk().seen.clone()
    }

    /// Requests of the last ten minutes that count as invalid (401, 403, 429).
    pub fn invalid_requests(&self) -> usize {
        let now = self.shared.clock.now();
        self.shared.desk().invalid(now)
    }

    /// Waits until `look` finds something; nothing is polled. Panics with `what` when that takes too long. As with
    /// [`Fake::look`], nothing moves inside.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&World) -> Option<T>) -> T {
        let mut changes = self.shared.clock.changes();
        let found = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = look(&self.shared.world()) {
                    return found;
                }
                // The clock lives as long as the fake.
                let _ = changes.changed().await;
            }
        };
        match timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(late) => panic!("waited in vain for {what} ({late}){}", self.story()),
        }
    }

    /// The same for requests.
    pub async fn until_requested<T>(&self, what: &str, mut look: impl FnMut(&[Seen]) -> Option<T>) -> T {
        let shared = Arc::clone(&self.shared);
        self.until(what, move |_| look(&shared.desk().seen)).await
    }

    fn story(&self) -> String {
        let desk = self.shared.desk();
        let last = desk.seen.iter().rev().take(10).rev();
        let requests = last.map(|seen| format!("\n  {} {} → {}", seen.method, seen.path, seen.status));
        let complaints = desk
            .complaints
            .iter()
            .map(|words| format!("\n  complaint: {words}"));
        requests.chain(complaints).collect()
    }

    // ---- the end -----------------------------------------------------------------------------------------------

    /// What no honest client would have sent, and what this fake answered against the contract. Taken away by this.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.desk().complaints)
    }

    /// Panics when there is a complaint. Dropping the fake does the same.
    pub fn assert_clean(&self) {
        let complaints = self.take_complaints();
        assert!(
            complaints.is_empty(),
            "the fake Discord complains:\n  {}",
            complaints.join("\n  ")
        );
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        if !std::thread::panicking() {
            self.assert_clean();
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/cdn/attachments/{channel}/{id}/{name}", get(file))
        .fallback(rest::handle)
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

/// Files need no token, as with Discord; its links end after a while, ours do not.
async fn file(State(shared): State<Arc<Shared>>, Path(place): Path<(String, String, String)>) -> Response {
    let (channel, id, name) = place;
    let path = ["cdn", "attachments", &channel, &id, &name].map(str::to_owned);
    let fault = shared.desk().fault("GET", &path);
    let status = match fault {
        Some(Wrong::RequestLost | Wrong::AnswerLost) => 0,
        Some(Wrong::Status(status) | Wrong::DoneThen(status) | Wrong::Page(status)) => status,
        Some(Wrong::TooMany { .. }) => 429,
        Some(Wrong::Slow(by)) => {
            tokio::time::sleep(by).await;
            200
        }
        Some(Wrong::Held(_)) => {
            shared.held.wait(&shared.clock).await;
            200
        }
        None => 200,
    };
    shared.record("GET", &path, Value::Null, status);
    if status == 0 {
        return rest::broken();
    }
    let wanted: Option<Id> = id.parse().ok();
    let world = shared.world();
    let known = world.messages.values().filter(|message| !message.deleted);
    let file = known
        .flat_map(|message| &message.attachments)
        .find(|file| Some(file.id) == wanted);
    match (StatusCode::from_u16(status), file) {
        (Ok(StatusCode::OK), Some(file)) => {
            let kind = [(header::CONTENT_TYPE, file.content_type.clone())];
            (kind, file.bytes.clone()).into_response()
        }
        (Ok(StatusCode::OK), None) => StatusCode::NOT_FOUND.into_response(),
        (other, _) => other.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}
