// What the host says while the page is open. Every event carries the newest whole state of what it names, so applying
// one twice, or skipping some, ends the same. After a break the stream goes on where it was; after a restart of the host
// the new snapshot takes the place of what is here. Few pages of a browser have a stream at a time, those that were looked
// at last: it opens only so many connections to one host, and what people do needs some of them.

import { fill } from "./morph.js";
import { heardClock, hold, span } from "./clock.js";
import { holding } from "./focus.js";
import { line } from "./list.js";
import { jitter, newId, reached, refusal } from "./send.js";
import { arrange, forgetRevisions, isHeld, isOld, note, put, renew, timeline } from "./timeline.js";

const banner = document.getElementById("banner");
const { thread, person } = document.body.dataset;
const heard = document.getElementById("heard");

/** The host's life, and the newest id of an event: `<boot>-<revision>`. */
const seen = { boot: document.body.dataset.boot, id: "" };
const listeners = { phase: [], thread: [], applied: [], renewed: [], away: [] };
let source = null;
let attempt = 0;
let late = 0;
/** The frame that is asked for, if any. */
let frame = 0;
/** The entry that was said to wait for somebody, by its id. */
let announced = "";
/** When the host was last heard. */
let spoken = 0;
/** Before that the host does not want to be asked again. */
let notBefore = 0;
/** Whether this page gave its stream to another one. */
let rests = false;
/** What pages of this browser tell each other: who takes a stream, and who goes. */
let others = null;
const page = newId();
/** Pages that took a stream, or were looked at, after this one. */
const newer = new Set();

/** The host says something every 15 s: a connection that is silent for longer has died without a word, as in a sleep. */
const SILENCE = 40000;

/** A host that is there answers sooner; a connection of before a sleep that the browser uses again never does. */
const CONNECTING = 15000;

/** Browsers open six connections to a host over HTTP/1.1: so many pages may keep one for their stream. */
const STREAMS = 4;

/** Calls `listener` with what `name` (`phase`, `thread`, `applied`, `renewed`: the id before which entries may have changed
 * unheard, and `away`: whether the host is out of reach) brings. */
export function on(name, listener) {
  listeners[name].push(listener);
}

function tell(name, data) {
  for (const listener of listeners[name]) listener(data);
}

/** Says something to screen readers. */
export function say(words) {
  heard.textContent = words;
}

/** Opens the stream and keeps it open. */
export function live() {
  addEventListener("online", () => source?.readyState === EventSource.CLOSED && waited() && connect());
  addEventListener("pagehide", release);
  addEventListener("pageshow", (event) => event.persisted && connect());
  // A page that the browser freezes would hold its connection, and hear nobody.
  document.addEventListener("freeze", rest);
  addEventListener("focus", looked);
  const listen = () => {
    const patience = source.readyState === EventSource.CONNECTING ? CONNECTING : SILENCE;
    if (!document.hidden && waited() && Date.now() - spoken > patience) connect();
  };
  setInterval(listen, 5000);
  document.addEventListener("visibilitychange", () => {
    looked();
    listen();
  });
  settle();
  announceLast();
  connect();
}

/** Whether the host may be asked. */
function waited() {
  return !rests && Date.now() >= notBefore;
}

/** Somebody looks at this page. */
function looked() {
  if (document.hidden) return;
  if (rests) connect();
  else claim();
}

/** Takes a stream: the page that was looked at longest ago gives its own. */
function claim() {
  newer.clear();
  if (!others) {
    others = new BroadcastChannel("streams");
    others.addEventListener("message", ({ data }) => {
      if (data.goes) return void newer.delete(data.page);
      newer.add(data.page);
      if (!rests && newer.size >= STREAMS) rest();
    });
  }
  others.postMessage({ page });
}

/** The page goes, perhaps to come back. */
function release() {
  source?.close();
  others?.postMessage({ page, goes: true });
  others?.close();
  others = null;
}

function connect() {
  source?.close();
  claim();
  rests = false;
  spoken = Date.now();
  const query = new URLSearchParams({ person });
  if (thread) query.set("thread", thread);
  if (seen.id) query.set("last", seen.id);
  source = new EventSource(`/events?${query}`);
  source.addEventListener("open", opened);
  source.addEventListener("error", () => broken(source));
  const kinds = { hello, snapshot, item, patch, queue, phase, thread: threadChanged, list: line, beat, rest };
  for (const [name, apply] of Object.entries(kinds)) {
    source.addEventListener(name, (event) => {
      spoken = Date.now();
      if (event.lastEventId) seen.id = event.lastEventId;
      apply(JSON.parse(event.data));
    });
  }
}

/** It was heard; that is all. */
function beat() {}

/** Another page needs the stream. This one goes on when somebody comes back to it, or asks for it. */
function rest() {
  source.close();
  rests = true;
  const here = Object.assign(document.createElement("button"), { type: "button", textContent: "Go on here" });
  here.addEventListener("click", connect);
  away("This page rests, because many others are open. ", here);
}

/** In another life of the host the revisions that we know mean nothing; a snapshot follows. */
function hello(data) {
  if (data.boot !== seen.boot) forgetRevisions();
  seen.boot = data.boot;
  heardClock(data.now);
}

function opened() {
  attempt = 0;
  clearTimeout(late);
  late = 0;
  if (!banner.hidden) {
    say("Connected again");
    banner.hidden = true;
    hold(false);
  }
  tell("away", false);
  reached();
}

/** Says why nothing is heard; what runs is not counted on. */
function away(...words) {
  clearTimeout(late);
  banner.hidden = false;
  banner.replaceChildren(...words);
  hold(true);
  tell("away", true);
}

function broken(from) {
  if (from !== source) return;
  // A blink is not worth a word; the browser reconnects by itself unless it gave up.
  late ||= setTimeout(() => {
    away(navigator.onLine ? "The host can’t be reached. Trying again…" : "You are offline. What you write is kept in this browser, and sent by any page of this host that is open later.");
  }, 1500);
  if (source.readyState === EventSource.CLOSED) refused();
}

/** A stream that was refused says not why; the same question without a stream does. */
async function refused() {
  attempt += 1;
  let wait = jitter(Math.min(15000, 500 * 2 ** attempt));
  const answer = await fetch(`/events?look=1&person=${person}`, { headers: { accept: "application/json" } }).catch(() => null);
  if (answer && (answer.status === 401 || answer.status === 403)) {
    const why = answer.status === 401 ? "This browser is no longer signed in." : (await refusal(answer)).words;
    return void away(`${why} `, Object.assign(document.createElement("a"), { href: "/", textContent: "Open the page anew" }));
  }
  if (answer && !answer.ok) {
    const { words, after } = await refusal(answer);
    wait = jitter(wait, after);
    // Said aloud once, not with each new number.
    const when = Object.assign(document.createElement("span"), { textContent: ` Trying again in ${span(Math.max(1000, wait))}.` });
    when.setAttribute("aria-hidden", "true");
    away(words, when);
  }
  notBefore = Date.now() + wait;
  setTimeout(() => waited() && source.readyState === EventSource.CLOSED && connect(), wait + 1);
}

/** Something does not fit: from the beginning. */
export function resync() {
  seen.id = "";
  connect();
}

function snapshot(data) {
  if (!timeline) return;
  const joins = renew(data);
  queue({ html: data.queue });
  phase(data.phase);
  threadChanged(data.thread);
  announceLast();
  settle();
  if (joins) tell("renewed", data.from);
}

function item(data) {
  announce(put(data));
  arrange();
  settle();
}

/** Says what waits for somebody in an entry, once. */
function announce(entry) {
  const card = entry?.querySelector(".card.wait");
  if (!card || entry.id === announced) return;
  announced = entry.id;
  const [label, title] = [card.getAttribute("aria-label"), card.querySelector("b")?.textContent ?? ""];
  say(title.startsWith(label) ? title : `${label}: ${title}`);
}

/** What waited already when the page came, or came back. */
function announceLast() {
  announce([...(timeline?.querySelectorAll(".item:has(.card.wait)") ?? [])].at(-1));
}

function patch(data) {
  const entry = document.getElementById(`i${data.id}`);
  const text = entry?.querySelector(".md");
  if (!text && !isHeld(data.id)) return;
  if (!text) return resync();
  if (isOld(data)) return;
  const have = Number(text.dataset.stable);
  if (data.from !== 0 && data.from !== have && data.to !== have) return resync();
  note(data);
  entry.setAttribute("aria-busy", "true");
  const tail = text.querySelector(":scope > .tail");
  if (data.from === 0) {
    fill(text, `${data.append}<div class="tail">${data.tail}</div>`);
  } else {
    if (data.to !== have) tail.insertAdjacentHTML("beforebegin", data.append);
    fill(tail, data.tail);
  }
  text.dataset.stable = data.to;
  // All of it is there now.
  entry.querySelector(".rest")?.remove();
  settle();
}

function queue(data) {
  const target = document.getElementById("queue");
  if (!target) return;
  holding(target, () => fill(target, data.html));
  settle();
}

function phase(data) {
  if (!data.busy) for (const one of timeline?.querySelectorAll("[aria-busy]") ?? []) one.removeAttribute("aria-busy");
  tell("phase", data);
}

function threadChanged(data) {
  tell("thread", data);
}

/** After changes, once before they are painted. */
function settle() {
  frame ||= requestAnimationFrame(settled);
}

/** Hides messages that wait (the queue shows them), and lets others look. */
function settled() {
  frame = 0;
  const waits = new Set([...document.querySelectorAll("#queue [data-turn]")].map((one) => one.dataset.turn));
  for (const said of timeline?.querySelectorAll(".said[data-turn]") ?? []) said.hidden = waits.has(said.dataset.turn);
  tell("applied", null);
}
