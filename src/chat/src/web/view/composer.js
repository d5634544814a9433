// Where people write: nothing that was typed is lost, and a message counts once however often it is sent.

import { on, say } from "./live.js";
import { span } from "./clock.js";
import { element } from "./morph.js";
import { Refused, kept, newId, persist, post } from "./send.js";
import { tell, trouble } from "./act.js";
import { attachments, chips, files, underway } from "./files.js";

const form = document.getElementById("composer");
const text = document.getElementById("text");
const commands = document.getElementById("commands");
const thread = document.body.dataset.thread;
/** What is kept in this tab is kept under this name; the empty page takes its new thread's before it goes there. */
let here = thread || "new";

/** Messages that are not acknowledged: `{ id, text, files, mode, turn?, trouble?, refused? }`. */
let outgoing = kept.get(`outgoing:${here}`) ?? [];
let phase = { busy: false, words: "", tone: "quiet" };
let chosen = -1;
/** Whether the message waits for its files. */
let sending = false;
/** On the empty page: whether a message opens a thread, and where that is once it is there. */
let opening = false;
let opened = null;
/** What a message does while the agent works: as the thread says, until somebody chooses for the next message. */
const dispatch = document.getElementById("dispatch");
let usual = dispatch?.value;
let picked = false;
/** Whether the host is out of reach: then nobody knows how it stands. */
let away = false;

/** Starts everything; where people can only watch, how it stands; nothing on other pages. */
export function composer() {
  if (!form && !document.getElementById("watch")) return;
  on("away", (now) => {
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
  text.addEventListener("blur", () => setTimeout(closeCommands, 150));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  commands.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const option = event.target.closest("li");
    if (option) take(option);
  });
  document.getElementById("stop")?.addEventListener("click", stop);
  attachments(ended);
  on("thread", (data) => {
    usual = data.dispatch;
    follow();
  });
  dispatch.addEventListener("change", () => (picked = true));
  on("applied", arrived);
  // Back on the empty page that opened a thread: it begins anew.
  addEventListener("pageshow", (event) => event.persisted && opened && location.reload());
  files.push(...(kept.get(`files:${here}`) ?? []));
  kept.set(`files:${here}`, null);
  chips();
  resend();
}

/** What a reload or the empty page left behind, in its order. */
async function resend() {
  const left = [...outgoing];
  for (const message of left) draw(message);
  for (const message of left) if (!message.refused) await transmit(message);
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

/** Closes what is open above the field; whether something was. */
export function closeCommands() {
  if (!form) return false;
  const open = !commands.hidden;
  commands.hidden = true;
  chosen = -1;
  text.removeAttribute("aria-activedescendant");
  return open;
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
  if (event.isComposing) return;
  const options = [...commands.querySelectorAll("li:not([hidden])")];
  if (!commands.hidden && options.length > 0) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      event.preventDefault();
      choose(options, (Math.max(chosen, -1) + steps[event.key] + options.length) % options.length);
      return;
    }
    const whole = options.some((option) => option.dataset.name === text.value.trim());
    if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && !whole)) {
      event.preventDefault();
      take(options[Math.max(0, chosen)]);
      return;
    }
  }
  if (event.key === "Enter" && !event.shiftKey) {
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

function complete() {
  const typedName = /^\/\S*$/.exec(text.value)?.[0];
  if (typedName === undefined) return void closeCommands();
  let any = false;
  for (const option of commands.children) {
    option.hidden = !option.dataset.name.startsWith(typedName.toLowerCase());
    any ||= !option.hidden;
  }
  commands.hidden = !any;
  const options = [...commands.querySelectorAll("li:not([hidden])")];
  if (any) choose(options, 0);
}

function choose(options, at) {
  chosen = at;
  options.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
  options[at].scrollIntoView({ block: "nearest" });
  text.setAttribute("aria-activedescendant", options[at].id);
}

function take(option) {
  const takes = option.querySelector("i").textContent !== "";
  text.value = option.dataset.name + (takes ? " " : "");
  closeCommands();
  typed();
  closeCommands();
  text.focus();
}

/** `asText`: also what looks like a command. */
function submit(asText = false) {
  const words = text.value.trim();
  const ready = files.filter((file) => file.id);
  sending = false;
  if (words === "" && files.length === 0) return;
  const failed = files.find((file) => file.failed);
  if (failed) {
    const why = `Not sent: “${failed.name}” is not on the host (${failed.failed}). Remove it, or attach it again, and send once more.`;
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
  const message = { id: newId(), text: words, files: ready.map((file) => file.id), names: ready.map((file) => file.name), mode };
  const agent = document.getElementById("new-agent")?.value;
  if (agent) message.agent = agent;
  outgoing.push(message);
  // What the page itself said is read by now; kept, it would stand below what is said after it.
  for (const said of document.querySelectorAll(".item.reply")) said.remove();
  clear();
  transmit(message);
}

/** One word behind a slash, and nothing else: no path, no comment. */
const LIKE_A_COMMAND = /^\/[\p{L}?][\p{L}\p{N}_-]*$/u;

/** A path begins with a slash as well: only what is offered is a command. */
function isCommand(words) {
  const [name] = words.toLowerCase().split(/\s/, 1);
  return [...commands.querySelectorAll("li[data-name]")].some((option) => option.dataset.name === name);
}

function clear() {
  text.value = "";
  files.length = 0;
  chips();
  typed();
}

async function transmit(message) {
  keep();
  draw(message);
  tell("sent");
  // The first message opens the thread; the others follow it there.
  if (opening) return;
  opening = !thread;
  const { names, trouble, refused, turn, ...body } = message;
  try {
    const path = thread ? `/api/t/${thread}/messages` : "/api/threads";
    const answer = await persist(path, body, (why) => draw(Object.assign(message, { trouble: why })));
    message.turn = answer.turn;
    message.trouble = undefined;
    if (!thread) {
      opened = answer;
      return void leave();
    }
    draw(message);
    arrived();
    // It is in the timeline by now, or the stream is broken and brings it later.
    setTimeout(() => forget(message), 4000);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    draw(Object.assign(message, { refused: error.words, trouble: undefined }));
    keep();
    if (!opening) return;
    opening = false;
    const next = outgoing.find((one) => !one.refused);
    if (next) transmit(next);
  }
}

/** From the empty page to the thread that it opened, with everything that is not sent yet; files under way come first. */
function leave() {
  if (!opened || here !== "new" || underway()) return;
  kept.set("outgoing:new", null);
  kept.set("draft:new", null);
  here = opened.thread.slice(opened.thread.indexOf(":") + 1);
  keep();
  kept.set(`draft:${here}`, text.value);
  kept.set(`files:${here}`, files.filter((file) => file.id));
  location.assign(opened.url);
}

function keep() {
  const open = outgoing.filter((one) => !one.turn);
  kept.set(`outgoing:${here}`, open.length > 0 ? open : null);
}

function forget(message) {
  outgoing = outgoing.filter((one) => one !== message);
  keep();
  document.getElementById(`o-${message.id}`)?.remove();
}

/** Takes away what the timeline shows by now. */
function arrived() {
  for (const message of outgoing) {
    if (message.turn && document.querySelector(`.said[data-turn="${message.turn}"]`)) forget(message);
  }
}

function draw(message) {
  const local = document.getElementById("local") ?? document.getElementById("timeline");
  let bubble = document.getElementById(`o-${message.id}`);
  if (!bubble) {
    document.getElementById("empty")?.remove();
    bubble = element('<article class="item said sending"><header><b>You</b> <small></small></header><div class="words"></div></article>');
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
      forget(message);
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

async function command(words) {
  clear();
  if (words === "/new") return void location.assign("/");
  try {
    done(await ask(words), words);
  } catch (error) {
    note(trouble(error), { asked: words });
    write(words);
  }
}

function ask(words) {
  return post(thread ? `/api/t/${thread}/command` : "/api/command", { text: words });
}

function done(answer, words) {
  if (answer.open) location.assign(answer.open);
  else note(answer.words, { asked: words });
}

/** Looks like a command and is none that is offered: the host knows more, or it was meant as text. It stays in the field. */
async function perhaps(words) {
  try {
    const answer = await ask(words);
    if (!answer.unknown) {
      if (text.value.trim() === words) clear();
      return void done(answer, words);
    }
    const button = (name, act) => {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      made.addEventListener("click", () => {
        act();
        text.focus();
      });
      return made;
    };
    const instead = () => {
      text.value = answer.nearest;
      typed();
      closeCommands();
      text.focus();
    };
    const buttons = [button("Send as text", () => submit(true))];
    if (answer.nearest) buttons.unshift(button(`Change to ${answer.nearest}`, instead));
    note(answer.words, { id: "unknown", buttons });
    say(answer.words);
  } catch (error) {
    note(trouble(error), { id: "unknown" });
  }
}

/** The page's own words below the timeline; gone with the next load, or when another with this `id` comes. */
export function note(words, { asked, id, buttons } = {}) {
  const local = document.getElementById("local") ?? document.getElementById("timeline");
  const box = element('<article class="item reply"><p class="quiet"></p><div class="words"></div><div class="row"></div></article>');
  box.querySelector("p").textContent = asked ?? "";
  if (!asked) box.querySelector("p").remove();
  box.querySelector(".words").textContent = words;
  if (buttons) box.querySelector(".row").append(...buttons);
  else box.querySelector(".row").remove();
  if (id) {
    document.getElementById(id)?.remove();
    box.id = id;
  }
  document.getElementById("empty")?.remove();
  local.append(box);
  tell("sent");
}

/** Longer than a double click: what is pressed meanwhile is not meant for the turn that comes next. */
const DOUBLE = 600;

async function stop() {
  const button = document.getElementById("stop");
  button.disabled = true;
  // Before it runs, it is the first of those that wait.
  const first = phase.busy ? document.querySelector("#queue [data-turn]") : null;
  const turn = phase.turn ?? (first ? Number(first.dataset.turn) : undefined);
  try {
    const { stopped } = await post(`/api/t/${thread}/stop`, { turn });
    if (!stopped) say("That was over already");
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
  if (before.busy && !data.busy) say(data.tone === "failed" ? data.words : "The agent has answered");
  elapsed();
}

function elapsed() {
  const node = document.getElementById("elapsed");
  const words = away ? "" : phase.since && phase.busy ? span(Date.now() - phase.since) : phase.until ? `in ${span(phase.until - Date.now())}` : "";
  if (node.textContent !== words) node.textContent = words;
}
