// What people wrote and the host has not acknowledged. It is kept in this browser, one entry for each message, so that no
// reload, no way to another thread and no closed tab loses it: whichever page of the browser is open sends it. A message
// that is sent twice counts once.

import { on } from "./live.js";
import { Refused, Unreached, kept, post } from "./send.js";

/** Whoever uses this browser next sends nothing of somebody else's. */
const PREFIX = `unsent:${document.body.dataset.person}:`;

/** The page that a message was written in has so long, in milliseconds, before others send it, or call it late. */
const OWN = 4000;

const listeners = { changed: [], gone: [] };
let written = 0;
let away = false;
let notBefore = 0;
let sweeping = false;

/** Calls `listener` when something may be unsent that was not, or no longer is (`changed`); or with the id of a message
 * that another page is done with (`gone`). */
export function watch(name, listener) {
  listeners[name].push(listener);
}

function changed() {
  for (const listener of listeners.changed) listener();
}

/** When a message was written, in milliseconds since 1970: no two of a page at the same time. */
export function now() {
  written = Math.max(Date.now(), written + 1);
  return written;
}

/** Keeps `{ id, at, thread, text, files, names, mode, agent, trouble?, refused? }`. `thread` is the local part of its id, or
 * what `unopened` gave for all messages of one empty page, the first of which opens their thread. */
export function keep(message) {
  try {
    localStorage.setItem(PREFIX + message.id, JSON.stringify(message));
  } catch {
    // Full or forbidden: only the page that it was written in sends it, and asks before it is left.
  }
  changed();
}

/** Keeps what became of one, if it is kept: another page may have sent it, or everything was forgotten at a sign-out. */
export function update(message) {
  if (isKept(message.id)) keep(message);
}

/** It is acknowledged, or its words are back in the field. */
export function forget(id) {
  try {
    localStorage.removeItem(PREFIX + id);
  } catch {
    // Forbidden: it was never there.
  }
  changed();
}

/** Whether another page could send it. */
export function isKept(id) {
  return left().some((one) => one.id === id);
}

/** One that is kept; nothing if it can't be read, so that it hides no other. */
function read(entry) {
  try {
    const one = JSON.parse(entry);
    return typeof one.id === "string" && typeof one.thread === "string" ? one : null;
  } catch {
    return null;
  }
}

/** Everything that is kept, in the order in which it was written. */
export function left() {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    const all = keys.map((key) => read(localStorage.getItem(key))).filter(Boolean);
    return all.sort((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
  } catch {
    return [];
  }
}

/** Whether a message should have arrived by now. */
export function isLate(message) {
  return Boolean(message.trouble || message.refused) || Date.now() - message.at > OWN;
}

/** The place of an empty page's messages. */
export function unopened(id) {
  return `new:${id}`;
}

/** Whether a message waits for its thread to be opened. */
export function isUnopened(message) {
  return message.thread.startsWith("new:");
}

/** Where a message is sent, and as what. */
export function request(message) {
  const { id, text, files, mode, agent } = message;
  return [isUnopened(message) ? "/api/threads" : `/api/t/${message.thread}/messages`, { id, text, files, mode, agent }];
}

/** The thread of an empty page is there: what is kept of that page goes on in it. Gives the local part of its id. */
export function opened(place, thread) {
  const local = thread.slice(thread.indexOf(":") + 1);
  for (const one of left()) if (one.thread === place) keep({ ...one, thread: local });
  return local;
}

/** Starts to send what other pages left. `mine` tells, by its id, whether this page itself sends a message. */
export function leftovers(mine) {
  on("away", (now) => (away = now));
  addEventListener("storage", (event) => {
    // This browser was signed out.
    if (event.key === null) kept.clear();
    else if (!event.key.startsWith(PREFIX)) return;
    if (event.key && event.newValue === null) for (const listener of listeners.gone) listener(event.key.slice(PREFIX.length));
    changed();
  });
  setInterval(() => {
    changed();
    sweep(mine);
  }, 2000);
}

/** Thread by thread, one after the other: what does not get through holds up what comes after it, and nothing else. */
async function sweep(mine) {
  if (sweeping || away || Date.now() < notBefore) return;
  sweeping = true;
  const stuck = new Set();
  const next = () => left().find((one) => !one.refused && !stuck.has(one.thread) && !mine(one.id) && Date.now() - one.at > OWN);
  try {
    for (let message; (message = next()); ) if (!(await deliver(message))) stuck.add(message.thread);
  } finally {
    sweeping = false;
  }
}

/** Sends one; whether what comes after it may go. */
async function deliver(message) {
  try {
    const answer = await post(...request(message));
    forget(message.id);
    if (isUnopened(message)) opened(message.thread, answer.thread);
    return true;
  } catch (error) {
    if (error instanceof Unreached) return false;
    if (!(error instanceof Refused)) throw error;
    if (error.again) notBefore = Date.now() + (error.after ?? 0);
    // Nobody is in: it waits for its writer.
    else if (error.status !== 401 && error.status !== 403) keep({ ...message, refused: error.words, trouble: undefined });
    return !error.again && error.status !== 401 && error.status !== 403;
  }
}
