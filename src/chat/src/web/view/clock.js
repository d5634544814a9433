// Times that stay true: the server writes UTC and spans of the moment, this rewrites them in the reader's zone and ticks.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** How far the host's clock is ahead of this one, in milliseconds. */
let ahead = 0;

/** Less is the way that the word took. */
const WAY = 2000;

/** The host's clock said this just now. */
export function heardClock(millis) {
  const difference = millis - Date.now();
  ahead = Math.abs(difference) > WAY ? difference : 0;
}

/** What the host's clock says: spans are counted by it, whatever the reader's clock says. */
export function now() {
  return Date.now() + ahead;
}

/** `12 s`, `3 min 5 s`, `2 h 4 min`. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

function ago(milliseconds) {
  const minutes = Math.floor(milliseconds / 60000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 1440)} d`;
}

function set(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

function local(node, millis) {
  if (node.dataset.local) return;
  node.dataset.local = "1";
  node.title = exact.format(millis);
}

/** While nothing is heard of the host, nobody knows whether what ran still runs. */
let held = false;

/** Lets spans of what runs stand still, or go on. */
export function hold(still) {
  held = still;
}

/** Brings all times below `root` up to date. */
export function times(root = document) {
  const host = now();
  for (const node of root.querySelectorAll("time[data-at]")) {
    const at = new Date(Number(node.dataset.at));
    local(node, at);
    set(node, (at.toDateString() === new Date(host).toDateString() ? clock : day).format(at));
  }
  for (const node of root.querySelectorAll("[data-ago]")) {
    local(node, Number(node.dataset.ago));
    set(node, ago(host - Number(node.dataset.ago)));
  }
  for (const node of root.querySelectorAll("[data-until]")) {
    local(node, Number(node.dataset.until));
    set(node, span(Number(node.dataset.until) - host));
  }
  if (held) return;
  for (const node of root.querySelectorAll("[data-since]")) set(node, span(host - Number(node.dataset.since)));
}

/** Ticks once a second while the page is seen. */
export function tick() {
  times();
  setInterval(() => document.hidden || times(), 1000);
  document.addEventListener("visibilitychange", () => document.hidden || times());
}
