// Where the reader is in a thread: at its end, which stays in view, or further up, where nothing moves. Earlier entries are
// loaded on the way up, and those far away are let go: a page holds as many as a browser bears, however long the thread is.

import { hear } from "./act.js";
import { note } from "./note.js";
import { on, resync } from "./live.js";
import { atEnd } from "./list.js";
import { kept } from "./send.js";
import { arrange, begin, clear, doubt, from, gone, letGo, number, put, timeline } from "./timeline.js";

const thread = document.body.dataset.thread;
const scroller = document.getElementById("scroll");
const earlier = document.getElementById("older");
const newer = document.getElementById("newer");

/** Entries in the page. */
const MOST = 400;
/** Entries of one load, as the host gives them; fewer, if they are long. */
const PART = 50;
/** So near to where the page ends, in pixels, more is loaded. */
const NEAR = 800;
/** So many loads a reader who comes back is sought. */
const FAR = 40;
/** After a load that failed, in milliseconds. */
const REST = 5000;

let stuck = true;
let loading = false;
/** The id up to which entries are to be loaded again, when nothing else is loaded. */
let owed = 0;
let rested = 0;
/** Whether somebody asked for what is above. */
let asked = false;
/** How far it was scrolled. */
let place = 0;

/** Starts to follow the reader. */
export function scrolling() {
  if (!timeline) return;
  scroller.addEventListener("scroll", () => {
    // Only a reader scrolls up: words that came between a scroll and its event move the end away, but nothing else.
    if (atEnd() && gone.length === 0) stuck = true;
    else if (scroller.scrollTop < place) stuck = false;
    place = scroller.scrollTop;
    if (newer && stuck) newer.hidden = true;
    if (stuck || loading || Date.now() < rested) return;
    const left = scroller.scrollHeight - place - scroller.clientHeight;
    if (place < NEAR && earlier && !earlier.hidden) load(older);
    else if (left < NEAR && gone.length > 0) load(younger);
  }, { passive: true });
  // Whatever changes the height: words, pictures that load, the composer that grows.
  let height = timeline.offsetHeight;
  new ResizeObserver(() => {
    if (stuck) toEnd();
    else if (newer && timeline.offsetHeight > height) newer.hidden = false;
    height = timeline.offsetHeight;
  }).observe(timeline);
  new ResizeObserver(() => stuck && toEnd()).observe(scroller);
  newer?.addEventListener("click", toNewest);
  hear(() => requestAnimationFrame(toNewest));
  earlier?.addEventListener("click", () => load(older));
  on("applied", trim);
  on("renewed", refresh);
  if (thread) addEventListener("pagehide", keep);
  comeBack();
}

/** Remembers what the reader sees first, for the same page when it is loaded again. */
function keep() {
  const top = scroller.getBoundingClientRect().top;
  const first = stuck ? null : [...timeline.children].find((one) => one.getBoundingClientRect().bottom > top);
  kept.set(`place:${thread}`, first ? { id: first.id, down: first.getBoundingClientRect().top - top } : null);
}

/** To where the reader was, if this page was loaded again; else to the end. */
async function comeBack() {
  const before = kept.take(`place:${thread}`);
  const came = performance.getEntriesByType("navigation")[0]?.type;
  const sought = () => document.getElementById(before.id);
  if (!thread || !before || came === "navigate") return toEnd();
  stuck = false;
  loading = true;
  try {
    for (let parts = 0; parts < FAR && !sought() && !earlier.hidden; parts += 1) {
      // From here nothing is let go above.
      scroller.scrollTop = 0;
      await older();
    }
  } catch {
    // The host is away: it is as new.
  } finally {
    loaded();
  }
  if (!sought()) return toNewest();
  scroller.scrollTop += sought().getBoundingClientRect().top - scroller.getBoundingClientRect().top - before.down;
  place = scroller.scrollTop;
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

function toNewest() {
  stuck = true;
  if (newer) newer.hidden = true;
  if (gone.length > 0) {
    clear();
    resync();
  }
  toEnd();
}

/** Loads more, while what is in view stays where it is and no screen reader reads it out as news. */
async function load(more) {
  if (loading) return;
  loading = true;
  earlier.disabled = true;
  timeline.setAttribute("aria-live", "off");
  try {
    await more();
  } catch {
    rested = Date.now() + REST;
    note("Entries could not be loaded. Try again in a moment.");
  } finally {
    earlier.disabled = false;
    loaded();
    setTimeout(() => timeline.setAttribute("aria-live", "polite"), 100);
  }
}

/** What came while something else was loaded is seen to now. */
function loaded() {
  loading = false;
  const id = owed;
  owed = 0;
  if (id > 0) refresh(id);
}

/** All entries from `low` on, and before `before`. The host gives them from their end; of long ones it takes several times. */
async function fetched(low, before) {
  const all = [];
  for (let end = before; end > low; ) {
    const part = await page(end);
    // Before these may stand what waits for an answer, with more in between.
    all.unshift(...part.items.filter((item) => item.id >= Math.max(low, part.from)));
    end = part.from;
  }
  return all;
}

/** The newest entries before one, as many as the host gives at once. */
async function page(before) {
  const answer = await fetch(`/api/t/${thread}/older?before=${before}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/** Changes the timeline above what is in view. */
function above(change) {
  const below = scroller.scrollHeight - scroller.scrollTop;
  change();
  scroller.scrollTop = scroller.scrollHeight - below;
  // It was not the reader who scrolled.
  place = scroller.scrollTop;
}

async function older() {
  let [low, part] = [0, null];
  do {
    if (timeline.children.length === 0) return;
    low = from;
    part = await page(low);
    // Meanwhile the page may have begun anew, elsewhere.
  } while (from !== low);
  above(() => {
    begin(part.from);
    for (const item of part.items) if (!document.getElementById(`i${item.id}`)) put(item);
    arrange();
  });
  asked = true;
  trim();
}

/** What was let go below comes back. */
async function younger() {
  const part = gone.slice(0, PART);
  const items = await fetched(part[0], gone[PART] ?? Number.MAX_SAFE_INTEGER);
  if (gone[0] !== part[0]) return;
  gone.splice(0, part.length);
  for (const item of items) if (!document.getElementById(`i${item.id}`)) put(item);
  arrange();
  trim();
  // What grew meanwhile is not known.
  if (gone.length === 0) resync();
}

/** Entries before this id may have changed while nothing was heard: who reads at the end and did not ask for them needs them
 * no more, and for others they are loaded again. */
function refresh(id) {
  const drop = () => (gone.length > 0 ? toNewest() : above(() => begin(id)));
  if (stuck && !asked) return drop();
  if (loading) {
    owed = Math.max(owed, id);
    return;
  }
  const low = from;
  doubt(id);
  load(async () => {
    // What was let go below comes when somebody goes there.
    const items = await fetched(low, Math.min(id, gone[0] ?? id)).catch((error) => {
      if (from === low) drop();
      throw error;
    });
    for (const item of items) put(item);
    arrange();
  });
}

/** Lets go what is far from the reader: above, or below, whichever is farther. */
function trim() {
  const entries = [...timeline.children];
  const spare = entries.length - MOST;
  if (spare < PART || !thread) return;
  const frame = scroller.getBoundingClientRect();
  const up = frame.top - entries[spare - 1].getBoundingClientRect().bottom;
  const down = entries.at(-spare).getBoundingClientRect().top - frame.bottom;
  if (stuck || up > down) {
    asked = false;
    const kept = entries.slice(spare).filter((one) => number(one) >= from);
    // A message that waited long says nothing of where the others begin.
    const others = kept.filter((one) => !one.classList.contains("said"));
    above(() => begin(Math.min(...(others.length > 0 ? others : kept).map(number))));
    return;
  }
  gone.unshift(...letGo(entries.slice(-spare).filter((one) => number(one) >= from)));
  gone.sort((one, other) => one - other);
  newer.hidden = false;
}
