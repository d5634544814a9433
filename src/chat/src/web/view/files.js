// The files that go with the next message: taken in by the host at once, shown above the field.

import { element } from "./morph.js";
import { newId, post, rest } from "./send.js";

const form = document.getElementById("composer");
const text = document.getElementById("text");
const uploads = document.getElementById("uploads");

/** Files: `{ key, name, id?, share, failed?, large?, trouble? }`; those with an id are on the host, those in trouble on their
 * way, and those that are too large stay so. */
export const files = [];
let told = () => {};

/** Starts to take files: dropped, pasted, chosen. `ended` is called when there is less to wait for. */
export function attachments(ended) {
  told = ended;
  document.getElementById("attach").addEventListener("click", () => document.getElementById("file").click());
  document.getElementById("file").addEventListener("change", (event) => {
    add(event.target.files);
    event.target.value = "";
  });
  drop();
}

/** Whether a file is on its way to the host. */
export function underway() {
  return files.some((file) => !file.id && !file.failed);
}

function settle() {
  chips();
  told();
}

function drop() {
  let depth = 0;
  const over = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => carries(event) && over(1));
  addEventListener("dragleave", (event) => carries(event) && over(-1));
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    over(0);
    add(event.dataTransfer.files);
  });
  text.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    add(event.clipboardData.files);
  });
}

function add(chosenFiles) {
  for (const file of chosenFiles) {
    const one = { key: newId(), name: file.name || "pasted", share: 0 };
    files.push(one);
    if (file.size > Number(form.dataset.limit)) Object.assign(one, { failed: `larger than ${form.dataset.limitWords}`, large: true });
    else upload(one, file);
  }
  settle();
  text.focus();
}

/** XMLHttpRequest, because fetch tells nothing of an upload's progress. */
function upload(one, file, attempt = 0) {
  const request = new XMLHttpRequest();
  const body = new FormData();
  // What no header can carry would break the form.
  body.append("file", file, one.name.replace(/\p{Cc}/gu, "_"));
  request.open("POST", `/api/uploads?thread=${document.body.dataset.thread || "new"}`);
  request.setRequestHeader("x-csrf-token", document.querySelector('meta[name="csrf"]').content);
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    one.share = event.lengthComputable ? event.loaded / event.total : 0;
    chips();
  });
  request.addEventListener("load", () => {
    const kept = Array.isArray(request.response) ? request.response[0] : null;
    if (request.status === 200 && kept) Object.assign(one, { id: kept.id, name: kept.name, share: 1 });
    else one.failed = request.response?.error ?? `refused (${request.status})`;
    one.trouble = undefined;
    settle();
  });
  request.addEventListener("error", () => again(one, file, attempt));
  one.abort = () => request.abort();
  request.send(body);
}

/** What did not get through is sent again until it does, as a message is. */
async function again(one, file, attempt) {
  // Browsers tell by the same error that a file is not what it was.
  const changed = await file.slice(0, 1).arrayBuffer().then(() => false, () => true);
  if (changed) one.failed = "it can’t be read any more";
  else Object.assign(one, { trouble: "the host can’t be reached", share: 0 });
  settle();
  if (changed) return;
  await rest(attempt);
  if (files.includes(one)) upload(one, file, attempt + 1);
}

/** Draws the files. */
export function chips() {
  const drawn = files.map((one) => {
    const chip = element('<li class="chip"><span></span><small></small><progress max="1"></progress><button type="button" class="plain">×</button></li>');
    chip.classList.toggle("failed", Boolean(one.failed));
    chip.querySelector("span").textContent = one.name;
    chip.querySelector("small").textContent = one.failed ?? one.trouble ?? "";
    chip.querySelector("progress").value = one.share;
    chip.querySelector("progress").hidden = Boolean(one.id || one.failed);
    chip.querySelector("button").setAttribute("aria-label", `Remove ${one.name}`);
    chip.querySelector("button").addEventListener("click", () => {
      one.abort?.();
      // What the host does not hear of it removes by itself, later.
      if (one.id) post("/api/uploads/forget", { id: one.id }).catch(() => {});
      files.splice(files.indexOf(one), 1);
      settle();
      text.focus();
    });
    return chip;
  });
  uploads.replaceChildren(...drawn);
}
