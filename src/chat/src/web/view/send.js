// POSTs that arrive: each has its token, and a message, which has an id of its own, is sent again until it is acknowledged
// or refused.

const token = document.querySelector('meta[name="csrf"]')?.content ?? "";
const LONGEST_PAUSE = 15000;

/** A refusal in the server's words. */
export class Refused extends Error {
  /** `after`: how long the server wants us to wait, in milliseconds. */
  constructor(status, body, after) {
    super(body?.error ?? `the server answered ${status}`);
    this.status = status;
    this.hint = body?.hint;
    this.words = sentences([this.message, body?.hint]);
    this.after = after;
    this.again = body?.again === true || (status === 429 && after > 0) || status === 502 || status === 503 || status === 504;
  }
}

/** Messages have no capital and no full stop; in a page they are sentences. */
function sentences(parts) {
  const whole = parts.filter(Boolean).map((part) => part[0].toUpperCase() + part.slice(1) + (/[.!?…]$/.test(part) ? "" : "."));
  return whole.join(" ");
}

/** Nothing was reached: the only thing that `fetch` has a TypeError for here. */
export class Unreached extends Error {}

/** One POST of JSON (or of a form with files). Throws `Refused`, or `Unreached`. */
export async function post(path, body) {
  const form = body instanceof FormData;
  const headers = { "x-csrf-token": token, accept: "application/json" };
  if (!form) headers["content-type"] = "application/json";
  const answer = await fetch(path, {
    method: "POST",
    headers,
    body: form ? body : JSON.stringify(body ?? {}),
    credentials: "same-origin",
    redirect: "error",
  }).catch((error) => {
    throw error instanceof TypeError ? new Unreached() : error;
  });
  if (!answer.ok) throw await refusal(answer);
  return (await answer.json().catch(() => null)) ?? {};
}

/** An answer that is none, read. */
export async function refusal(answer) {
  const seconds = Number(answer.headers.get("retry-after"));
  return new Refused(answer.status, await answer.json().catch(() => null), seconds > 0 ? seconds * 1000 : undefined);
}

/** As `post`, until it is answered. `waiting` hears what is in the way. `body` must be safe to be sent twice. */
export async function persist(path, body, waiting) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await post(path, body);
    } catch (error) {
      if (error instanceof Refused && !error.again) throw error;
      waiting(error instanceof Refused ? error.message : "the host can’t be reached");
      await rest(attempt, error.after);
    }
  }
}

/** Not all at the same moment; and never before `least`. */
export function jitter(milliseconds, least = 0) {
  return Math.max(milliseconds * (0.75 + Math.random() / 2), least * (1 + Math.random() / 4));
}

/** The host is there again: nothing that waited for it has to wait on. */
export function reached() {
  dispatchEvent(new Event("reached"));
}

/** The while before the next attempt, longer each time. `least`: what the server wants, in milliseconds. */
export function rest(attempt, least) {
  return pause(jitter(Math.min(LONGEST_PAUSE, 500 * 2 ** attempt), least), !least);
}

/** A while; cut short, if it may be, when the network or the host comes back. */
function pause(milliseconds, short) {
  return new Promise((resolve) => {
    const events = short ? ["online", "reached"] : [];
    const done = () => {
      clearTimeout(timer);
      for (const name of events) removeEventListener(name, done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    for (const name of events) addEventListener(name, done);
  });
}

/** Random, also where the page is not a secure context (a host name in a plain http address). */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A person's names of what is kept: whoever uses this tab next finds nothing of it. */
const own = (key) => `${document.body.dataset.person}:${key}`;

/** Whether whoever wrote here was signed out. */
let forgets = false;

/** Something small that survives a reload of this tab; nothing when storage is forbidden. */
export const kept = {
  get(key) {
    try {
      return JSON.parse(sessionStorage.getItem(own(key)));
    } catch {
      return null;
    }
  },
  set(key, value) {
    if (forgets) return;
    try {
      if (value === null || value === "") sessionStorage.removeItem(own(key));
      else sessionStorage.setItem(own(key), JSON.stringify(value));
    } catch {
      // Full or forbidden: the page works, only a reload forgets.
    }
  },
  take(key) {
    const value = this.get(key);
    this.set(key, null);
    return value;
  },
  /** For good: somebody was signed out. */
  clear() {
    forgets = true;
    try {
      sessionStorage.clear();
    } catch {
      // Forbidden: nothing is there.
    }
  },
};
