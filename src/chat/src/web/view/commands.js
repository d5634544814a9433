// What begins with a slash: commands are offered while one types, and carried out by the host.

import { say } from "./live.js";
import { note } from "./note.js";
import { Refused, post } from "./send.js";
import { trouble } from "./act.js";

const text = document.getElementById("text");
const offered = document.getElementById("commands");
const thread = document.body.dataset.thread;

/** Which of those that are offered is chosen. */
let chosen = -1;
/** What the field does: `typed`, `clear`, `write`, `submit`. */
let field = null;

/** Starts to offer commands. */
export function commands(doings) {
  field = doings;
  text.addEventListener("blur", () => setTimeout(closeCommands, 150));
  offered.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const option = event.target.closest("li");
    if (option) take(option);
  });
}

/** Whoever hears the page is told that there is something to choose from; else it is a plain field. */
function expand(open) {
  offered.hidden = !open;
  const says = { role: "combobox", "aria-expanded": "true", "aria-haspopup": "listbox", "aria-autocomplete": "list", "aria-controls": "commands" };
  for (const [name, value] of Object.entries(says)) {
    if (open) text.setAttribute(name, value);
    else text.removeAttribute(name);
  }
}

/** Closes what is open above the field; whether something was. */
export function closeCommands() {
  // Some pages have no field.
  if (!offered || offered.hidden) return false;
  expand(false);
  chosen = -1;
  text.removeAttribute("aria-activedescendant");
  return true;
}

/** Offers what fits to what is typed. */
export function complete() {
  const typedName = /^\/\S*$/.exec(text.value)?.[0];
  if (typedName === undefined) return void closeCommands();
  let any = false;
  for (const option of offered.children) {
    option.hidden = !option.dataset.name.startsWith(typedName.toLowerCase());
    any ||= !option.hidden;
  }
  expand(any);
  const options = [...offered.querySelectorAll("li:not([hidden])")];
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
  field.typed();
  closeCommands();
  text.focus();
}

/** Whether a key chose among those that are offered. */
export function chosenByKey(event) {
  const options = [...offered.querySelectorAll("li:not([hidden])")];
  if (!offered.hidden && options.length > 0) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      event.preventDefault();
      choose(options, (Math.max(chosen, -1) + steps[event.key] + options.length) % options.length);
      return true;
    }
    const whole = options.some((option) => option.dataset.name === text.value.trim());
    if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && !whole)) {
      event.preventDefault();
      take(options[Math.max(0, chosen)]);
      return true;
    }
  }
  return false;
}

/** One word behind a slash, and nothing else: no path, no comment. */
export const LIKE_A_COMMAND = /^\/[\p{L}?][\p{L}\p{N}_-]*$/u;

/** A path begins with a slash as well: only what is offered is a command. */
export function isCommand(words) {
  const [name] = words.toLowerCase().split(/\s/, 1);
  return [...offered.querySelectorAll("li[data-name]")].some((option) => option.dataset.name === name);
}

/** Carries a command out; one that was not heard comes back into the field. */
export async function command(words) {
  field.clear();
  if (words === "/new") return void location.assign("/");
  try {
    done(await ask(words), words);
  } catch (error) {
    note(trouble(error), { asked: words });
    if (!(error instanceof Refused) || error.again) field.write(words);
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
export async function perhaps(words) {
  try {
    const answer = await ask(words);
    if (!answer.unknown) {
      if (text.value.trim() === words) field.clear();
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
      field.typed();
      closeCommands();
      text.focus();
    };
    const buttons = [button("Send as text", () => field.submit(true))];
    if (answer.nearest) buttons.unshift(button(`Change to ${answer.nearest}`, instead));
    note(answer.words, { id: "unknown", buttons });
    say(answer.words);
  } catch (error) {
    note(trouble(error), { id: "unknown" });
  }
}
