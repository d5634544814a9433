// The page: puts its parts together, and does what belongs to none of them. Keys, menus, theme, filter.

import { actions, copy, refresh, trouble } from "./act.js";
import { tick } from "./clock.js";
import { closeCommands } from "./commands.js";
import { composer, isMine, submitWords } from "./composer.js";
import { entitle, listAsBefore, threadList } from "./list.js";
import { live, on, say } from "./live.js";
import { element, watchFolds } from "./morph.js";
import { note } from "./note.js";
import { scrolling } from "./scroll.js";
import { post } from "./send.js";
import { leftovers } from "./unsent.js";

const { kind, thread } = document.body.dataset;
const scroller = document.getElementById("scroll");
const timeline = document.getElementById("timeline");
const filter = document.getElementById("filter");

actions(submitWords);
watchFolds(document);
composer();
threadList();
scrolling();
on("applied", usage);
keys();
menus();
drawer();
theme();
filtering();
listAsBefore();
title();
copying();
leftovers(isMine);
live();
tick();
if (kind === "page") {
  if (location.pathname === "/workers") setInterval(() => document.hidden || refresh(), 3000);
  // What was done elsewhere meanwhile, such as a sign-in, is seen by whoever comes back.
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  addEventListener("pageshow", (event) => event.persisted && refresh());
}

/** Tokens in the line above the field: what the newest usage entry says. */
function usage() {
  const last = [...document.querySelectorAll("[data-usage]")].at(-1);
  const tokens = document.getElementById("tokens");
  if (tokens && last && tokens.textContent !== last.textContent) tokens.replaceChildren(...last.cloneNode(true).childNodes);
}

function keys() {
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openDrawer(true);
      filter.focus();
      filter.select();
    }
    const free = event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]");
    if (free && !closePopups()) document.getElementById("text")?.focus();
  });
}

/** Closes what lies above the page; whether anything did. */
function closePopups() {
  const menus = [...document.querySelectorAll("details.menu[open]")];
  for (const menu of menus) {
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) menu.querySelector("summary").focus();
  }
  const commands = closeCommands();
  const side = document.body.classList.contains("drawn");
  openDrawer(false);
  return menus.length > 0 || commands || side;
}

function menus() {
  addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  on("thread", (data) => {
    const set = (id, value) => {
      const field = document.getElementById(id);
      if (field && field !== document.activeElement && !field.closest("details[open]")) field.value = value;
    };
    set("pick-agent", data.agent);
    set("pick-model", data.model ?? "");
    set("pick-mode", data.dispatch);
    const its = document.getElementById("pick-its-mode");
    if (its && data.mode && ![...its.options].some((option) => option.value === data.mode)) its.add(new Option(data.mode));
    set("pick-its-mode", data.mode ?? "");
    const name = document.getElementById("agent-name");
    const agent = document.querySelector(`#pick-agent option[value="${CSS.escape(data.agent)}"]`)?.textContent ?? data.agent;
    if (name) name.replaceChildren(agent, ...(data.model ? [" ", Object.assign(document.createElement("small"), { textContent: data.model })] : []));
  });
}

function openDrawer(open) {
  const closes = !open && document.body.classList.contains("drawn");
  document.body.classList.toggle("drawn", open);
  document.getElementById("veil").hidden = !open;
  const button = document.getElementById("drawer");
  button?.setAttribute("aria-expanded", String(open));
  // Where the list always stands there is no such button.
  if (closes) (button?.offsetParent ? button : document.getElementById("text"))?.focus();
}

function drawer() {
  document.getElementById("drawer")?.addEventListener("click", () => {
    openDrawer(true);
    document.getElementById("new").focus({ preventScroll: true });
  });
  document.getElementById("veil").addEventListener("click", () => openDrawer(false));
}

function theme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const order = ["", "light", "dark"];
  const names = { "": "System", light: "Light", dark: "Dark" };
  const show = () => {
    const name = names[root.dataset.theme ?? ""];
    button.querySelector("span").textContent = name;
    button.setAttribute("aria-label", `Theme: ${name}`);
  };
  const set = (theme) => {
    if (order.includes(theme) && theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    show();
  };
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(root.dataset.theme ?? "") + 1) % order.length];
    set(next);
    try {
      if (next) localStorage.setItem("theme", next);
      else localStorage.removeItem("theme");
    } catch {
      // Forbidden storage: it holds until the next page.
    }
  });
  // Chosen in another tab; or forgotten at a sign-out.
  addEventListener("storage", (event) => (event.key === "theme" || event.key === null) && set(event.newValue));
  show();
}

function filtering() {
  const list = document.getElementById("list");
  const apply = () => {
    const wanted = filter.value.trim().toLowerCase();
    let any = false;
    for (const line of list.children) {
      line.hidden = wanted !== "" && !line.textContent.toLowerCase().includes(wanted);
      any ||= !line.hidden;
    }
    const older = document.getElementById("quiet");
    document.getElementById("none").hidden = any || wanted === "" || !older.hidden;
    // What is looked for may be older than what is here.
    if (wanted !== "" && !older.hidden) older.click();
  };
  filter.addEventListener("input", apply);
  on("applied", apply);
  filter.addEventListener("keydown", (event) => {
    const first = list.querySelector("li:not([hidden]) a");
    if (event.key === "Enter" && first) first.click();
    if (event.key === "ArrowDown") first?.focus();
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...list.querySelectorAll("li:not([hidden]) a")];
    const at = links.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    (links[at + step] ?? (step < 0 ? filter : links[at])).focus();
  });
}

function title() {
  const field = document.getElementById("title");
  if (!field) return;
  let before = field.value;
  on("thread", (data) => {
    entitle(`${data.title || "New thread"} · agent-host`);
    if (field === document.activeElement) return;
    before = data.title;
    field.value = data.title;
  });
  field.addEventListener("change", async () => {
    const wanted = field.value.trim();
    if (wanted === before) return;
    try {
      await post(`/api/t/${thread}/settings`, { title: wanted });
      before = wanted;
    } catch (error) {
      field.value = before;
      note(trouble(error));
    }
  });
  field.addEventListener("keydown", (event) => {
    // The words are changed as the focus goes.
    if (event.key === "Enter") document.getElementById("text").focus();
    if (event.key === "Escape") {
      field.value = before;
      field.blur();
    }
  });
}

/** One button that goes to the code block under the pointer, so that entries need none of their own. By keyboard, the usual
 * keys copy the block that has the focus. */
function copying() {
  if (!timeline) return;
  const button = element('<button type="button" id="copy" hidden>Copy</button>');
  let block = null;
  scroller.append(button);
  timeline.addEventListener("pointerover", (event) => {
    const next = event.target.closest("pre");
    if (next === null) return;
    const [there, frame] = [next.getBoundingClientRect(), scroller.getBoundingClientRect()];
    block = next;
    button.textContent = "Copy";
    button.hidden = false;
    button.style.top = `${there.top - frame.top + scroller.scrollTop + 5}px`;
    // What stands in the frame begins behind its gutter.
    button.style.left = `${there.right - frame.left - scroller.clientLeft - button.offsetWidth - 5}px`;
  });
  scroller.addEventListener("pointerleave", () => (button.hidden = true));
  // The block may stand elsewhere then.
  addEventListener("resize", () => (button.hidden = true));
  scroller.addEventListener("scroll", () => block?.isConnected || (button.hidden = true), { passive: true });
  button.addEventListener("click", () => copy(block.textContent, block, button));
  timeline.addEventListener("copy", (event) => {
    const focused = document.activeElement.closest("pre");
    if (!focused || !getSelection().isCollapsed) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", focused.textContent);
    say("Copied");
  });
}
