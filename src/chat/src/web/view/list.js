// The list of threads: what is new stands on top, but nothing moves under the reader's hand; and what counts as read.

import { times } from "./clock.js";
import { on } from "./live.js";
import { element, morph } from "./morph.js";
import { kept, post } from "./send.js";
import { isLate, left, watch } from "./unsent.js";

const list = document.getElementById("list");
const frame = list.parentElement;
const filter = document.getElementById("filter");
const quiet = document.getElementById("quiet");
const scroller = document.getElementById("scroll");
const thread = document.body.dataset.thread;

/** Lines of threads that are not in the list yet, by their ids. */
const waiting = new Map();

/** What the tab is called, without its mark. */
let name = document.title;

/** Whether a mouse is over the list; a finger is gone once it has tapped. */
let pointed = false;

/** Nearer to the end than this, in pixels, the newest words are before the reader's eyes. */
const NEAR_END = 48;

/** Whether the end of the thread is in view. */
export function atEnd() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END;
}

/** Starts to keep the list. */
export function threadList() {
  list.addEventListener("pointerenter", (event) => (pointed = event.pointerType === "mouse"));
  list.addEventListener("pointerleave", () => {
    pointed = false;
    arrange();
  });
  list.addEventListener("focusout", () => setTimeout(arrange));
  quiet.addEventListener("click", older);
  watch("changed", mark);
  mark();
  entitle();
  addEventListener("pagehide", () => {
    const as = { top: frame.scrollTop, shown: list.children.length, filter: filter.value };
    kept.set("list", as.top > 0 || as.filter ? as : null);
  });
  if (!thread) return;
  on("applied", read);
  document.addEventListener("visibilitychange", read);
  scroller.addEventListener("scroll", read, { passive: true });
}

/** Each page has a list of its own: it stands as the one before did, with the line of the open thread in view. */
export async function listAsBefore() {
  const { top = 0, shown = 0, filter: wanted = "" } = kept.get("list") ?? {};
  for (let before = -1; before < list.children.length && list.children.length < shown && !quiet.hidden; ) {
    before = list.children.length;
    await older();
  }
  filter.value ||= wanted;
  if (filter.value) filter.dispatchEvent(new Event("input"));
  frame.scrollTop ||= top;
  const line = document.getElementById(`l-${thread}`)?.getBoundingClientRect();
  const seen = frame.getBoundingClientRect();
  if (line?.height) frame.scrollTop += Math.min(0, line.top - seen.top) + Math.max(0, line.bottom - seen.bottom);
}

/** Names the tab. Threads that wait for an answer are counted there, for whoever looks at another one. */
export function entitle(words = name) {
  name = words;
  const lines = [...list.children, ...waiting.values()];
  // Those of other front-ends are answered there.
  const count = lines.filter((one) => !one.id.includes(".") && one.querySelector(".dot.waiting")).length;
  const whole = count > 0 ? `(${count}) ${name}` : name;
  if (document.title !== whole) document.title = whole;
}

/** Threads that were quiet for longer than those that are here: they come below them, where nothing moves. */
async function older() {
  if (quiet.disabled) return;
  quiet.disabled = true;
  const answer = await fetch(`/api/threads?shown=${list.children.length + waiting.size}`).catch(() => null);
  quiet.disabled = false;
  if (!answer?.ok) return void (quiet.textContent = "Not loaded. Try again");
  const { lines, more } = await answer.json();
  for (const one of lines) {
    const id = idOf(one);
    if (document.getElementById(id) || waiting.has(id)) continue;
    list.append(element(one.html));
    times(list.lastElementChild);
  }
  quiet.textContent = "Show older threads";
  quiet.hidden = !more;
  entitle();
  // What is looked for may be among them.
  filter.dispatchEvent(new Event("input"));
}

/** As pages name it: one of another front-end as `discord.123`. */
function idOf(data) {
  return `l-${data.id.replace(/^web:/, "").replace(":", ".")}`;
}

/** Draws a line as it is now. */
export function line(data) {
  const id = idOf(data);
  const here = document.getElementById(id);
  if (!data.html) {
    here?.remove();
    waiting.delete(id);
  } else if (here) {
    times(morph(here, element(data.html)));
    mark();
  } else {
    waiting.set(id, element(data.html));
  }
  arrange();
  entitle();
  // It often comes after the words that it tells of.
  if (id === `l-${thread}`) read();
}

/** Marks threads in which something was written that has not arrived. */
function mark() {
  const late = new Set(left().filter(isLate).map((one) => `l-${one.thread}`));
  for (const one of list.children) one.toggleAttribute("data-unsent", late.has(one.id));
}

/** Brings the lines into their order: most recently active first. Whoever points at one, or walks along them, comes first. */
function arrange() {
  if (pointed || list.matches(":focus-within")) return;
  for (const fresh of waiting.values()) {
    list.append(fresh);
    times(fresh);
  }
  waiting.clear();
  mark();
  const active = (one) => Number(one.dataset.active);
  let at = list.firstElementChild;
  for (const one of [...list.children].sort((one, other) => active(other) - active(one))) {
    if (one === at) at = at.nextElementSibling;
    else list.insertBefore(one, at);
  }
}

/** The thread that is open is read when its end is before somebody's eyes: not in a tab behind, not further up. */
function read() {
  const mine = document.getElementById(`l-${thread}`);
  if (!mine) return;
  mine.querySelector("a").setAttribute("aria-current", "page");
  if (!mine.classList.contains("unread") || document.visibilityState !== "visible" || !atEnd()) return;
  mine.classList.remove("unread");
  mine.querySelector(".name .hear")?.remove();
  // If it is not heard, the next change of the line marks it again.
  post(`/api/t/${thread}/seen`, { upto: Number(mine.dataset.active) }).catch(() => {});
}
