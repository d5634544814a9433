// The entries of a thread that the page has: all from one of them on, but for those far below the reader that it let go.
// Apart from these, what waits for an answer is there however old it is, until it is answered.

import { times } from "./clock.js";
import { holding } from "./focus.js";
import { element, morph } from "./morph.js";

export const timeline = document.getElementById("timeline");
const older = document.getElementById("older");

/** The newest revision of each entry, by its element's id. */
const revisions = new Map();

/** Ids, in order, of entries below the last one here that the page let go, and of those that came since. */
export const gone = [];

/** The id from which on the page has all entries, but for those that are `gone`. 0: from the beginning. */
export let from = Number(timeline?.dataset.from ?? 0);

/** In another life of the host they mean nothing. */
export function forgetRevisions() {
  revisions.clear();
}

/** The id of an entry. */
export function number(entry) {
  return Number(entry.id.slice(1));
}

/** Whether an entry is to be in the page. */
export function isHeld(id) {
  return id >= from && !gone.includes(id);
}

/** Whether what stands here is newer than `data`. */
export function isOld(data) {
  return (revisions.get(`i${data.id}`) ?? -1) > data.revision;
}

/** What stands here is that of `data`. */
export function note(data) {
  revisions.set(`i${data.id}`, data.revision);
}

/** Draws an entry; `arrange` is to follow. Gives its element if it was not here before. */
export function put(data) {
  const here = document.getElementById(`i${data.id}`);
  const fresh = element(data.html);
  // It comes with those before and after it, when somebody looks so far back; but nobody has to look for a question.
  if (!here && data.id < from && !waits(fresh)) return null;
  if (!here && gone.length > 0 && data.id >= gone[0]) {
    if (!gone.includes(data.id)) gone.push(data.id);
    return null;
  }
  if (isOld(data)) return null;
  note(data);
  if (here) holding(here, () => morph(here, fresh));
  else timeline.append(fresh);
  times(here ?? fresh);
  return here ? null : fresh;
}

function waits(entry) {
  return entry.querySelector(".card.wait") !== null;
}

/** Takes entries out of the page; gives their ids. */
export function letGo(entries) {
  return entries.map((entry) => {
    revisions.delete(entry.id);
    entry.remove();
    return number(entry);
  });
}

/** The page has nothing: a snapshot follows. */
export function clear() {
  gone.length = 0;
  letGo([...timeline.children]);
  begin(Infinity);
}

/** The page has all entries from this id on: earlier ones go. A message that waited long has an earlier id than what it
 * stands below, and stays. */
export function begin(id) {
  from = id;
  older.hidden = id === 0;
  const entries = [...timeline.children];
  const first = entries.findIndex((one) => number(one) >= id && !one.classList.contains("said"));
  letGo(entries.slice(0, first < 0 ? undefined : first).filter((one) => number(one) < id && !waits(one)));
}

/** Takes a snapshot in. Whether entries stay that are older than all that it tells: they may have changed unheard. */
export function renew(data) {
  const ids = new Set(data.items.map((one) => one.id));
  const newest = Math.max(...gone, ...[...timeline.children].map(number).filter((id) => id >= from));
  // More has happened than one snapshot tells: what is here is too far away to stand beside it.
  const joins = newest >= data.from;
  if (!joins) {
    gone.length = 0;
    from = Infinity;
  }
  // Of what stands apart, the snapshot has all that still waits.
  const isOver = (one, id) => !joins || id >= data.from || (id < from && !one.classList.contains("said"));
  letGo([...timeline.children].filter((one) => !ids.has(number(one)) && isOver(one, number(one))));
  const stay = joins && from < data.from;
  if (!stay) begin(data.from);
  for (const one of data.items) put(one);
  arrange();
  return stay;
}

/** What the host says now of entries before this id counts, whatever was heard of them. */
export function doubt(id) {
  for (const one of timeline.children) if (number(one) < id) revisions.delete(one.id);
}

/** Puts the entries into the order in which they are read: turn by turn, and one of no turn behind the last turn of which
 * something was said before it. The host does the same. Moves no more than it must. */
export function arrange() {
  let last = 0;
  const turns = new Map();
  const read = [...timeline.children].sort((one, other) => number(one) - number(other));
  for (const one of read) {
    const own = Number(one.dataset.turn ?? 0);
    if (!one.classList.contains("said")) last = Math.max(last, own);
    turns.set(one, own || last);
  }
  read.sort((one, other) => turns.get(one) - turns.get(other) || number(one) - number(other));
  const whole = read.findIndex((one) => number(one) >= from);
  read.forEach((one, at) => one.classList.toggle("apart", at < whole));
  // From the end: what moves is a message that waited, away from what came before its turn.
  let below = null;
  for (const one of read.reverse()) {
    if (one.nextElementSibling !== below) timeline.insertBefore(one, below);
    below = one;
  }
}
