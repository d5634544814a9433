// The page's own words, which nobody said.

import { element, prose } from "./morph.js";
import { tell } from "./act.js";

/** Shows some below the timeline; gone with the next load, or when another with this `id` comes. */
export function note(words, { asked, id, buttons } = {}) {
  const local = document.getElementById("local") ?? document.getElementById("timeline");
  const box = element('<article class="item reply"><p class="quiet"></p><div class="words"></div><div class="row"></div></article>');
  box.querySelector("p").textContent = asked ?? "";
  if (!asked) box.querySelector("p").remove();
  box.querySelector(".words").append(...prose(words));
  if (buttons) box.querySelector(".row").append(...buttons);
  else box.querySelector(".row").remove();
  if (id) {
    document.getElementById(id)?.remove();
    box.id = id;
  }
  local.append(box);
  tell("sent");
}
