// Makes one element like another with as few changes as it takes, so that focus, selection, scroll positions, open folds
// and half-typed reasons stay where they are while an entry is drawn again.

/** What a reader opened or closed by hand, by the id of the entry and the place in it; it wins over what the server says. */
const folds = new Map();

/** Remembers folds that a person (not this script) moves. */
export function watchFolds(root) {
  root.addEventListener("click", (event) => {
    const summary = event.target.closest("summary");
    const fold = summary?.parentElement;
    if (fold?.dataset.fold !== undefined) folds.set(foldKey(fold), !fold.open);
  });
}

function foldKey(fold) {
  const entry = fold.closest("article");
  return `${entry?.id}/${entry ? [...entry.querySelectorAll("[data-fold]")].indexOf(fold) : 0}`;
}

/** The first element of some HTML of ours. */
export function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

/** Words of the host as nodes: what stands in backticks is code. */
export function prose(words) {
  const parts = words.split("`");
  // One that stands alone quotes nothing.
  if (parts.length % 2 === 0) return [words];
  return parts.map((part, at) => (at % 2 ? Object.assign(document.createElement("code"), { textContent: part }) : part));
}

/** Makes the children of `target` those that `html` describes. */
export function fill(target, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  children(target, template.content);
}

/** Makes `old` like `fresh`. Gives the element that stands there afterwards. */
export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || filled(old) !== filled(fresh)) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  if (old.isEqualNode(fresh)) return old;
  attributes(old, fresh);
  if (!filled(old)) {
    const stuck = old.dataset.stick !== undefined && old.scrollTop + old.clientHeight >= old.scrollHeight - 8;
    children(old, fresh);
    if (stuck) old.scrollTop = old.scrollHeight;
  }
  return old;
}

/** Whether a script fills it in, so that what is inside lives between drawings. */
function filled(node) {
  return node.dataset?.step !== undefined || node.dataset?.since !== undefined;
}

function attributes(old, fresh) {
  const kept = old.dataset.fold === undefined ? undefined : folds.get(foldKey(old));
  for (const { name } of [...old.attributes]) {
    const mine = name === "open" && kept !== undefined;
    if (!fresh.hasAttribute(name) && !mine && !["aria-busy", "aria-current", "value"].includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    const mine = name === "open" && kept !== undefined;
    if (old.getAttribute(name) !== value && !mine) old.setAttribute(name, value);
  }
}

/** What has an id stays itself wherever it goes, and never becomes another; the rest goes by its place. */
function children(old, fresh) {
  const known = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
  let here = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const same = next.id ? known.get(next.id) : undefined;
    if (same) {
      if (same === here) here = here.nextSibling;
      else old.insertBefore(same, here);
      morph(same, next);
    } else if (here && !here.id && !next.id) {
      const after = here.nextSibling;
      morph(here, next);
      here = after;
    } else {
      old.insertBefore(next, here);
    }
  }
  while (here) {
    const after = here.nextSibling;
    here.remove();
    here = after;
  }
}
