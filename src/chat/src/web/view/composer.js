// Where people write: nothing that was typed is lost, and a message counts once however often it is sent.

import { on, say } from "./live.js";
import { now, span } from "./clock.js";
import { element } from "./morph.js";
import { Refused, kept, newId, persist, post } from "./send.js";
import * as unsent from "./unsent.js";
import { tell, trouble } from "./act.js";
import { chosenByKey, closeCommands, command, commands, complete, isCommand, LIKE_A_COMMAND, perhaps } from "./commands.js";
import { attachments, chips, files, underway } from "./files.js";
import { note } from "./note.js";

const form = document.getElementById("composer");
const text = document.getElementById("text");
const thread = document.body.dataset.thread;
/** What is kept in this tab is kept under this name; the empty page takes its new thread's before it goes there. */
let here = thread || "new";

/** Messages of this page that its timeline does not show yet, as `unsent.keep` has them; with `turn`, and `item` of a new one,
 * when they arrived. */
let outgoing = [];
/** Where they go: the thread, or the one that the first of them opens. */
let place = thread || unsent.unopened(newId());
/** Whether one of them is on its way. */
let pumping = false;
let phase = { busy: false, words: "", tone: "quiet" };
/** Whether the message waits for its files. */
let sending = false;
/** On the empty page: the thread that a message opened. */
let opened = null;
/** What a message does while the agent works: as the thread says, until somebody chooses for the next message. */
const dispatch = document.getElementById("dispatch");
let usual = dispatch?.value;
let picked = false;
/** Under fingers there is no Shift: Enter begins a line, and the button sends. */
const touch = matchMedia("(pointer: coarse)");
/** Whether what runs is being stopped: what comes then is no answer. */
let stopped = false;
/** Whether the host is out of reach: then nobody knows how it stands. */
let away = false;

/** Starts everything; where people can only watch, how it stands; nothing on other pages. */
export function composer() {
  // It goes from one empty page to the next, and no further.
  if (thread || !form) kept.set("place", null);
  if (!form && !document.getElementById("watch")) return;
  on("away", (now) => {
    if (away === now) return;
    away = now;
    show(phase);
  });
  on("phase", show);
  setInterval(elapsed, 1000);
  if (!form) return;
  text.value = kept.get(`draft:${here}`) ?? text.value;
  grow();
  text.addEventListener("input", typed);
  text.addEventListener("keydown", key);
  touch.addEventListener("change", keysSay);
  keysSay();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  document.getElementById("stop")?.addEventListener("click", stop);
  commands({ typed, clear, write, submit });
  attachments(ended);
  on("thread", (data) => {
    usual = data.dispatch;
    follow();
  });
  dispatch.addEventListener("change", () => (picked = true));
  on("applied", arrived);
  // Back on the empty page that opened a thread: it begins anew.
  addEventListener("pageshow", (event) => event.persisted && (opened ? location.reload() : takeOver()));
  addEventListener("pagehide", handOver);
  const before = takeOver();
  files.push(...(before.files ?? []));
  if (!thread) place = before.place ?? place;
  chips();
  // What a reload, the empty page or a closed tab left behind; and what no thread was opened for.
  outgoing = unsent.left().filter((one) => one.thread === place || (!thread && one.refused && unsent.isUnopened(one)));
  for (const message of outgoing) draw(message);
  pump();
  // On the empty page only the answer tells where to go.
  unsent.watch("gone", (id) => thread && dismiss(outgoing.find((one) => one.id === id && !one.turn)));
  addEventListener("beforeunload", (event) => {
    // While the host is away there will be no other page that sends it.
    if (outgoing.some((one) => !one.turn && !one.refused && (away || !unsent.isKept(one.id)))) event.preventDefault();
  });
}

/** What one page alone may have goes on with the next page of this tab, such as after a reload. While a page has it, it is
 * kept nowhere: a tab that is made a copy of this one, with all that is kept, must not send the same, or to the same place. */
function handOver() {
  const name = (file) => (file.id || file.failed ? file : { ...file, failed: "the page was left before it was there" });
  kept.set(`files:${here}`, files.length > 0 ? files.map(name) : null);
  kept.set("place", thread || opened ? null : place);
}

/** Takes what the page before handed over. */
function takeOver() {
  return { files: kept.take(`files:${here}`), place: kept.take("place") };
}

/** Whether this page sends the message with this id. */
export function isMine(id) {
  return outgoing.some((one) => one.id === id);
}

/** Puts words into the field, as if typed; before what is there. */
export function write(words) {
  text.value = text.value.trim() === "" ? words : `${words}\n\n${text.value}`;
  typed();
  text.focus();
}

/** Sends words at once, unless something else is being written: what the buttons of the empty page do. */
export function submitWords(words) {
  const alone = text.value.trim() === "" && files.length === 0;
  write(words);
  if (alone) submit();
}

function keysSay() {
  document.getElementById("send").title = touch.matches ? "Send" : "Send (Enter)";
  document.querySelector("#keys .hear").textContent = touch.matches
    ? "Enter begins a new line, the button sends, and so do Control and Enter"
    : "Enter sends, Shift and Enter begins a new line, the Up arrow in an empty field brings back what you said last";
}

function grow() {
  // Browsers that know `field-sizing` do it by themselves.
  if (CSS.supports("field-sizing", "content")) return;
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, innerHeight * 0.4)}px`;
}

function follow() {
  if (!picked) dispatch.value = phase.dispatch ?? usual;
}

/** There is less to wait for: a message that waits goes now, or it is told why it does not. */
function ended() {
  if (sending && (!underway() || files.some((file) => file.failed))) submit();
  leave();
}

/** While the agent works and nothing is written, Stop is the likelier wish. */
function press() {
  document.getElementById("send").classList.toggle("primary", !phase.busy || text.value !== "");
}

function typed() {
  sending = false;
  document.getElementById("unknown")?.remove();
  press();
  kept.set(`draft:${here}`, text.value);
  grow();
  complete();
}

function key(event) {
  if (event.isComposing || chosenByKey(event)) return;
  const sends = event.ctrlKey || event.metaKey || (!event.shiftKey && !touch.matches);
  if (event.key === "Enter" && sends) {
    event.preventDefault();
    submit();
  }
  if (event.key === "ArrowUp" && text.value === "") {
    const last = [...document.querySelectorAll("#timeline .said .words")].at(-1)?.textContent.trim();
    if (!last) return;
    event.preventDefault();
    text.value = last;
    typed();
    closeCommands();
  }
}

/** `asText`: also what looks like a command. */
function submit(asText = false) {
  const words = text.value.trim();
  const ready = files.filter((file) => file.id);
  sending = false;
  if (words === "" && files.length === 0) return;
  const failed = files.find((file) => file.failed);
  if (failed) {
    const why = `Not sent: “${failed.name}” is not on the host (${failed.failed}). Remove it${failed.large ? "" : ", or attach it again"}, and send once more.`;
    note(why, { id: "unsent" });
    return void say(why);
  }
  // It goes by itself as soon as its files are there; typing on keeps it here.
  sending = underway();
  if (sending) return void say("It is sent when its files are there");
  if (words === "" && ready.length === 0) return;
  if (!asText && ready.length === 0 && isCommand(words)) return void command(words);
  if (!asText && ready.length === 0 && LIKE_A_COMMAND.test(words)) return void perhaps(words);
  const mode = document.getElementById("mode").hidden ? undefined : dispatch.value;
  picked = false;
  follow();
  const message = {
    id: newId(),
    at: unsent.now(),
    thread: place,
    text: words,
    files: ready.map((file) => file.id),
    names: ready.map((file) => file.name),
    mode,
  };
  const agent = document.getElementById("new-agent")?.value;
  if (agent) message.agent = agent;
  outgoing.push(message);
  // What the page itself said is read by now; kept, it would stand below what is said after it.
  for (const said of document.querySelectorAll(".item.reply")) said.remove();
  clear();
  unsent.keep(message);
  draw(message);
  tell("sent");
  pump();
}

function clear() {
  text.value = "";
  files.length = 0;
  chips();
  typed();
}

/** Sends what is not sent yet, strictly one after the other: as it was written, so it arrives. */
async function pump() {
  if (pumping) return;
  pumping = true;
  try {
    for (let next; !opened && (next = outgoing.find((one) => !one.turn && !one.refused)); ) await transmit(next);
  } finally {
    pumping = false;
  }
  leave();
}

async function transmit(message) {
  const state = (change) => {
    Object.assign(message, change);
    // Another page may have been faster.
    if (outgoing.includes(message)) draw(message);
  };
  try {
    const answer = await persist(...unsent.request(message), (why) => {
      state({ trouble: why });
      unsent.update(message);
    });
    unsent.forget(message.id);
    state({ turn: answer.turn, item: answer.item, trouble: undefined });
    if (!thread) {
      opened = answer;
      place = unsent.opened(place, answer.thread);
      for (const one of outgoing) one.thread = place;
      return;
    }
    arrived();
    // It is in the timeline by now, or the stream is broken and brings it later.
    setTimeout(() => dismiss(message), 4000);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    state({ refused: error.words, trouble: undefined });
    unsent.update(message);
  }
}

/** From the empty page to the thread that it opened, where what is not sent yet goes on; files under way come first. */
function leave() {
  if (!opened || here !== "new" || underway()) return;
  kept.set("draft:new", null);
  here = place;
  kept.set(`draft:${here}`, text.value);
  location.assign(opened.url);
}

/** Takes a message out of the page. */
function dismiss(message) {
  outgoing = outgoing.filter((one) => one !== message);
  document.getElementById(`o-${message?.id}`)?.remove();
}

/** Takes away what the timeline shows by now. What was merged stands there in the turn that took it in. */
function arrived() {
  for (const message of outgoing) {
    const entry = message.item ? `#i${message.item}` : `.said[data-turn="${message.turn}"]`;
    if (message.turn && document.querySelector(entry)) dismiss(message);
  }
}

function draw(message) {
  const local = document.getElementById("local") ?? document.getElementById("timeline");
  let bubble = document.getElementById(`o-${message.id}`);
  if (!bubble) {
    document.getElementById("empty")?.remove();
    bubble = element('<article class="item said sending"><header><h2>You</h2> <small></small></header><div class="words"></div></article>');
    bubble.id = `o-${message.id}`;
    bubble.querySelector(".words").textContent = message.text + (message.names?.length ? `\n${message.names.join(", ")}` : "");
    local.append(bubble);
  }
  const state = bubble.querySelector("small");
  bubble.classList.toggle("refused", Boolean(message.refused));
  if (message.refused) {
    state.replaceChildren(`not sent: ${message.refused} `);
    const back = Object.assign(document.createElement("button"), { type: "button", textContent: "Edit" });
    back.addEventListener("click", () => {
      dismiss(message);
      unsent.forget(message.id);
      files.push(...message.files.map((id, at) => ({ key: newId(), id, name: message.names?.[at] ?? "file", share: 1 })));
      chips();
      write(message.text);
    });
    state.append(back);
    say(`Not sent: ${message.refused}`);
  } else {
    state.textContent = message.trouble ? `sending… ${message.trouble}` : "sending…";
  }
}

/** Longer than a double click: what is pressed meanwhile is not meant for the turn that comes next. */
const DOUBLE = 600;

async function stop() {
  const button = document.getElementById("stop");
  button.disabled = true;
  // Before it runs, it is the first of those that wait.
  const first = phase.busy ? document.querySelector("#queue [data-turn]") : null;
  const turn = phase.turn ?? (first ? Number(first.dataset.turn) : undefined);
  stopped = phase.busy;
  try {
    const { stopped: was } = await post(`/api/t/${thread}/stop`, { turn });
    stopped &&= was;
    if (!was) say("That was over already");
  } catch (error) {
    note(trouble(error));
  } finally {
    setTimeout(() => (button.disabled = false), DOUBLE);
    text.focus();
  }
}

function show(data) {
  const before = phase;
  phase = data;
  document.querySelector("#status .dot").className = `dot ${away && data.busy ? "quiet" : data.tone}`;
  document.getElementById("doing").textContent = away && data.busy ? `Not connected; when last heard: ${data.words}` : data.words;
  document.getElementById("status").classList.toggle("idle", data.words === "");
  if (form) {
    follow();
    document.getElementById("stop").hidden = !data.busy;
    document.getElementById("mode").hidden = !data.busy;
    press();
  }
  // One that is merged with a message is stopped, too, and goes on.
  if (data.stopping) stopped = true;
  else if (data.busy && (before.stopping || data.turn !== before.turn)) stopped = false;
  if (before.busy && !data.busy) {
    say(data.tone === "failed" ? data.words : stopped ? "Stopped" : "The agent has answered");
    stopped = false;
  }
  elapsed();
}

function elapsed() {
  const node = document.getElementById("elapsed");
  const words = away ? "" : phase.since && phase.busy ? span(now() - phase.since) : phase.until ? `in ${span(phase.until - now())}` : "";
  if (node.textContent !== words) node.textContent = words;
}
