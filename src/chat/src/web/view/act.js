// What buttons do. Every button and form that acts says so with `data-act`; nothing else in a page is listened to.

import { holdFocus, holding } from "./focus.js";
import { element, fill, morph, prose } from "./morph.js";
import { times } from "./clock.js";
import { on } from "./live.js";
import { Refused, Unreached, kept, post, refusal } from "./send.js";

const thread = document.body.dataset.thread;
const listeners = [];
/** What stood in the agent's menu when it was opened. */
let opened = {};
let polling = 0;

/** Calls `listener` with the name of something that happened here: `sent`. */
export function hear(listener) {
  listeners.push(listener);
}

/** Something happened here. */
export function tell(name) {
  for (const listener of listeners) listener(name);
}

/** Starts to listen. `compose` is how a trial is sent. */
export function actions(compose) {
  on("away", (now) => now || reachable());
  on("applied", reasons);
  addEventListener("input", ({ target }) => target.name === "reason" && kept.set(target.id, target.value));
  document.addEventListener("visibilitychange", () => document.hidden || look());
  addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (button) act(button, button.dataset, compose);
  });
  // It does not bubble.
  addEventListener("toggle", ({ target }) => {
    if (target.id !== "agent" || !target.open) return;
    opened = shown(target.querySelector("form"));
    always();
    choices();
  }, true);
  document.getElementById("pick-agent")?.addEventListener("change", ({ target }) => choices(target.value === opened.agent ? opened.mode : ""));
  addEventListener("submit", (event) => {
    if (!event.target.dataset.act) return;
    event.preventDefault();
    submit(event.target, event.submitter);
  });
}

/** Asks once before something is lost. */
export function ask(title, words, yes) {
  const dialog = document.getElementById("ask");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-words").textContent = words;
  document.getElementById("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

/** Loads this very page again and draws only what changed in it. */
export async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("page");
  const here = document.getElementById("page");
  if (page && here) {
    morph(here, document.adoptNode(page));
    times(here);
  }
}

const UNREACHED = "The host can’t be reached. Try again in a moment.";

/** What was said of a host that is there again is no longer true. */
function reachable() {
  for (const said of document.querySelectorAll(".item.reply .words, .problem")) {
    if (said.textContent !== UNREACHED) continue;
    const note = said.closest(".item.reply, .problem.shown");
    if (note) note.remove();
    else said.textContent = "";
  }
}

/** What went wrong, for people. */
export function trouble(error) {
  if (error instanceof Refused) return error.words;
  if (error instanceof Unreached) return UNREACHED;
  return `This page could not do that: ${error.message}`;
}

/** Runs `work` with the button off, and shows what went wrong beside it. */
async function guarded(button, work) {
  const place = button.closest("article, .card, form, td, li") ?? button.parentElement;
  place.querySelector(":scope > .problem.shown")?.remove();
  const back = holdFocus();
  button.disabled = true;
  try {
    return await work();
  } catch (error) {
    const fixed = place.querySelector(".problem");
    const words = fixed ?? Object.assign(document.createElement("p"), { className: "problem shown" });
    words.setAttribute("role", "alert");
    words.replaceChildren(...prose(trouble(error)));
    if (!fixed) place.append(words);
    return undefined;
  } finally {
    button.disabled = false;
    back();
  }
}

function act(button, data, compose) {
  const doings = {
    decide: () => decide(button.form, button),
    retry: () => retry(Number(data.turn)),
    whole: () => whole(button.closest("article")),
    drop: () => post(`/api/t/${thread}/drop`, { turn: Number(data.turn) }),
    stop: async () => {
      await post(`/api/t/${data.thread}/stop`, { turn: Number(data.turn) });
      await refresh();
    },
    try: () => compose(data.text),
    copy: () => copy(data.text, button.previousElementSibling, button),
    invite: () => invite(button, data.other === "yes"),
    reset: () => reset(),
    forbid: () => forbid(data.grant),
    "sign-in": () => signIn(button, data),
    "sign-out": () => signOut(data),
  };
  if (doings[data.act]) guarded(button, doings[data.act]);
}

function submit(form, pressed) {
  const fields = Object.fromEntries(new FormData(form));
  const doings = {
    decide: () => decide(form, button, fields.reason),
    complete: () => complete(form, fields),
    name: () => rename(form, fields),
    settings: () => settings(form),
  };
  const button = pressed ?? form.querySelector("button:not([type])");
  if (doings[form.dataset.act]) guarded(button, doings[form.dataset.act]);
}

/** Draws all of an entry of which only the beginning was drawn. */
async function whole(entry) {
  const answer = await fetch(`/api/t/${thread}/items/${entry.id.slice(1)}`, { headers: { accept: "application/json" } }).catch(() => {
    throw new Unreached();
  });
  if (!answer.ok) throw await refusal(answer);
  const { html } = await answer.json();
  morph(entry, element(html));
  times(entry);
}

/** The host says in place of the button that it was pressed: here, in other pages, and after a reload. */
async function retry(turn) {
  await post(`/api/t/${thread}/retry`, { turn });
}

/** `button` is an answer that the agent offers, by its name for it, or our own. */
async function decide(form, button, reason) {
  const { value: answer, dataset: { option } } = button;
  await post(`/api/t/${thread}/decide`, { request: form.dataset.request, answer, option, reason: reason?.trim() || undefined });
  for (const field of form.querySelectorAll("[name=reason]")) kept.set(field.id, null);
}

/** A reason that was half typed when the page went. */
function reasons() {
  for (const field of document.querySelectorAll(".decide [name=reason]")) field.value ||= kept.get(field.id) ?? "";
}

/** Copies `text`; where a page may not, it selects `shown`, where it stands, for the reader to copy. */
export async function copy(text, shown, button) {
  try {
    // There is none where the page is not a secure context.
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(shown);
    button.textContent = "Selected";
  }
}

async function rename(form, fields) {
  await post("/api/name", { name: fields.name });
  form.parentElement.querySelector("summary span").textContent = fields.name.trim() || "Your name";
  form.parentElement.open = false;
}

/** What stands in the fields of the agent's menu. */
function shown(form) {
  const { agent, model, mode, dispatch } = Object.fromEntries(new FormData(form));
  return { agent, model: model.trim(), mode, dispatch };
}

/** Only what was changed in the menu since it was opened; with another agent, what is to go with it, too. */
async function settings(form) {
  const now = shown(form);
  const goes = (name) => now[name] !== opened[name] || (now.agent !== opened.agent && name !== "dispatch");
  await post(`/api/t/${thread}/settings`, Object.fromEntries(Object.entries(now).filter(([name]) => goes(name))));
  form.parentElement.open = false;
}

async function invite(button, other) {
  const answer = await post("/api/invite", { other });
  const place = button.closest("form").querySelector(".invited");
  const link = Object.assign(document.createElement("input"), { readOnly: true, value: answer.url });
  link.setAttribute("aria-label", "One-time link");
  const whose = other ? "Lets in another person, with threads of their own" : "Lets in another browser of yours";
  place.replaceChildren(`${whose}; once, within ${Math.round(answer.seconds / 60)} minutes:`, link);
  link.select();
}

async function reset() {
  const sure = await ask("Reset this thread?", "What runs is stopped; the agent forgets what was said here, and what it may always do. The conversation on this page and the files stay.", "Reset");
  if (sure) await post(`/api/t/${thread}/reset`);
  document.getElementById("agent").open = false;
}

/** What is always allowed here is asked for when somebody opens the menu. */
async function always() {
  const answer = await fetch(`/api/t/${thread}/always`, { headers: { accept: "application/json" } }).catch(() => null);
  if (answer?.ok) fill(document.getElementById("always"), (await answer.json()).html);
}

/** So is what the agent that is picked offers to choose from. `mode` is picked of it; left out, what is picked stays. */
async function choices(mode) {
  const picked = document.getElementById("pick-agent");
  const agent = picked.value;
  const path = `/api/t/${thread}/choices?agent=${encodeURIComponent(agent)}`;
  const answer = await fetch(path, { headers: { accept: "application/json" } }).catch(() => null);
  if (!answer?.ok || picked.value !== agent) return;
  const { models, modes } = await answer.json();
  document.getElementById("models").replaceChildren(...models.map(({ id, name }) => new Option(name, id)));
  const pick = document.getElementById("pick-its-mode");
  const chosen = mode ?? pick.value;
  pick.replaceChildren(pick.options[0], ...modes.map(({ id, name }) => new Option(name, id)));
  pick.value = modes.some(({ id }) => id === chosen) ? chosen : "";
  document.getElementById("its-mode").hidden = modes.length === 0;
}

/** Takes back one thing that is always allowed, or all. */
async function forbid(grant) {
  const { html } = await post(`/api/t/${thread}/forbid`, { grant: grant && Number(grant) });
  fill(document.getElementById("always"), html);
}

/** The place below a sign-in button where the next step goes. */
function stepOf(node) {
  return node.closest(".card").querySelector("[data-step]");
}

async function signIn(button, data) {
  const answer = await post("/api/auth/begin", { service: data.service, scope: data.scope, thread: thread || undefined });
  const step = stepOf(button);
  fill(step, answer.html);
  times(step);
  // It took the place of another one of the same person, which has a card of its own.
  for (const other of document.querySelectorAll(`[data-poll="${CSS.escape(data.service)}"]`)) {
    if (!step.contains(other)) stepOf(other).replaceChildren();
  }
  step.querySelector("[data-focus], input")?.focus();
  poll();
}

/** While a sign-in waits for what somebody does elsewhere, the page asks how it stands. */
function poll() {
  clearTimeout(polling);
  if (document.querySelector("[data-poll]")) polling = setTimeout(look, 2500);
}

async function look() {
  for (const waiting of document.querySelectorAll("[data-poll]")) {
    const step = stepOf(waiting);
    try {
      const state = await post("/api/auth/complete", { service: waiting.dataset.poll });
      if (!state.done || !waiting.isConnected) continue;
      holding(step, () => fill(step, state.html));
      await refresh();
    } catch (error) {
      if (!(error instanceof Refused) || error.again) continue;
      waiting.replaceChildren(...prose(trouble(error)));
      waiting.className = "problem";
      delete waiting.dataset.poll;
    }
  }
  poll();
}

async function complete(form, fields) {
  const step = stepOf(form);
  const answer = await post("/api/auth/complete", {
    service: form.dataset.service,
    scope: form.dataset.scope,
    pasted: fields.pasted.trim(),
  });
  fill(step, answer.html);
  await refresh();
}

async function signOut(data) {
  const sure = await ask(`Sign out of ${data.title}?`, data.stops, "Sign out");
  if (!sure) return;
  const answer = await post("/api/auth/logout", { service: data.service, scope: data.scope });
  await refresh();
  const card = document.getElementById(`login-${data.scope}-${data.service}`);
  card?.querySelector("[data-step]")?.replaceChildren(Object.assign(document.createElement("p"), { className: "quiet", textContent: answer.words }));
}
