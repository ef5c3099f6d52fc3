// Writes messages: text, commands, and files that are attached, dropped or pasted.

import { openCamera } from "./camera.js";
import { attempt, toast } from "./notices.js";
import { act, sendFiles } from "./server.js";
import { filmPicture, shapeOf } from "./videos.js";

const SAMPLE = "/sample/astronaut.jpg";

const find = (selector) => document.querySelector(selector);
const text = find("#text");
const list = find("#commands");
const menu = find("#attach-menu");

let commands = []; // {command, description}
let matching = [];
let highlighted = -1;
let sendText;

export function setCommands(given) {
  if (JSON.stringify(given) === JSON.stringify(commands)) return;
  commands = given;
  find("#show-commands").hidden = !commands.length;
}

/** `send` sends a text and resolves to whether it succeeded. */
export function setUpComposer(send) {
  sendText = send;
  find("#composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  text.addEventListener("input", () => {
    fitHeight();
    const typed = text.value.match(/^\/(\w*)$/);
    showCommands(typed ? commands.filter((c) => c.command.startsWith(typed[1])) : []);
  });
  text.addEventListener("keydown", onKey);
  text.addEventListener("blur", () => showCommands([]));
  find("#show-commands").addEventListener("pointerdown", (event) => event.preventDefault());
  find("#show-commands").addEventListener("click", () => {
    const isOpen = !list.hidden;
    text.focus();
    showCommands(isOpen ? [] : commands);
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the focus
  setUpAttachments();
  setUpDropping();
}

async function submit() {
  const written = text.value;
  if (!written.trim()) return;
  text.value = "";
  fitHeight();
  showCommands([]);
  if (await sendText(written)) return;
  text.value ||= written; // keep what could not be sent
  fitHeight();
}

function onKey(event) {
  if (event.isComposing) return;
  if (matching.length && handleListKey(event.key)) event.preventDefault();
  else if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    submit();
  }
}

function handleListKey(key) {
  switch (key) {
    case "ArrowDown":
      highlight((highlighted + 1) % matching.length);
      return true;
    case "ArrowUp":
      highlight((highlighted - 1 + matching.length) % matching.length);
      return true;
    case "Tab":
      if (highlighted < 0) return false;
      text.value = `/${matching[highlighted].command} `;
      showCommands([]);
      return true;
    case "Enter":
      if (highlighted < 0) return false;
      sendCommand(matching[highlighted]);
      return true;
    case "Escape":
      showCommands([]);
      return true;
    default:
      return false;
  }
}

function sendCommand({ command }) {
  text.value = `/${command}`;
  submit();
}

function showCommands(given) {
  matching = given;
  list.replaceChildren(...given.map(drawCommand));
  list.hidden = !given.length;
  find("#show-commands").setAttribute("aria-expanded", Boolean(given.length));
  highlight(-1);
}

function drawCommand(command, index) {
  const option = document.createElement("li");
  option.role = "option";
  option.id = `command-${index}`;
  const name = document.createElement("strong");
  name.textContent = `/${command.command}`;
  option.append(name, ` ${command.description}`);
  option.addEventListener("click", () => sendCommand(command));
  return option;
}

function highlight(index) {
  highlighted = index;
  for (const [at, option] of [...list.children].entries()) {
    option.setAttribute("aria-selected", at === index);
    if (at === index) option.scrollIntoView({ block: "nearest" });
  }
  if (index < 0) text.removeAttribute("aria-activedescendant");
  else text.setAttribute("aria-activedescendant", `command-${index}`);
}

function fitHeight() {
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 140)}px`;
}

// -- attachments --

function setUpAttachments() {
  const pick = { photo: find("#pick-photo"), document: find("#pick-document") };
  const choices = {
    photo: () => pick.photo.click(),
    document: () => pick.document.click(),
    camera: () => openCamera("photo"),
    note: () => openCamera("note"),
    sample: sendSample,
    "sample-note": sendSampleNote,
    sticker: () => attempt(() => act("sticker")),
    "portrait-sticker": () => attempt(() => act("portrait-sticker")),
    voice: () => attempt(() => act("voice")),
    location: () => attempt(() => act("location")),
  };
  for (const button of document.querySelectorAll("[data-attach]")) {
    button.addEventListener("click", () => {
      menu.hidePopover();
      choices[button.dataset.attach]();
    });
  }
  for (const [as, input] of Object.entries(pick)) {
    input.addEventListener("change", () => {
      send([...input.files], as);
      input.value = ""; // so that the same file can be highlighted again
    });
  }
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    const place = find("#attach").getBoundingClientRect();
    menu.style.left = `${place.left}px`;
    menu.style.bottom = `${innerHeight - place.top + 8}px`;
    menu.querySelector("button").focus();
  });
  menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...menu.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    buttons[(at + step + buttons.length) % buttons.length].focus();
  });
}

async function send(files, as) {
  if (!files.length) return;
  const caption = text.value;
  await withStatus("uploading…", async () => {
    const shapes = as === "photo" ? await Promise.all(files.map(shapeOf)) : [];
    await sendFiles(files, as, caption, shapes);
    text.value = "";
    fitHeight();
  });
}

async function sendSample() {
  await attempt(async () => {
    const response = await fetch(SAMPLE);
    if (!response.ok) throw new Error("The sample portrait could not be loaded.");
    const file = new File([await response.blob()], "astronaut.jpg", { type: "image/jpeg" });
    await sendFiles([file], "photo");
  });
}

async function sendSampleNote() {
  await withStatus("recording a video message…", async () => {
    const { file, shape } = await filmPicture(SAMPLE);
    await sendFiles([file], "video_note", "", [shape]);
  });
}

/** Attempt something, and show what is being done meanwhile. */
async function withStatus(status, work) {
  const action = find("#action");
  action.textContent = status;
  await attempt(work);
  if (action.textContent === status) action.textContent = "";
}

function setUpDropping() {
  const chat = find("#chat");
  const drop = find("#drop");
  chat.addEventListener("dragenter", (event) => {
    if (event.dataTransfer.types.includes("Files")) drop.hidden = false;
  });
  drop.addEventListener("dragleave", () => (drop.hidden = true));
  // A file dropped beside the chat must not replace the page.
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.hidden = true;
    if (chat.contains(event.target)) sendMixed([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    sendMixed(files);
  });
}

function sendMixed(files) {
  if (files.length > 10) return toast("Up to 10 files can be sent at once.");
  const isShown = (file) => /^(image|video)\//.test(file.type);
  const others = files.filter((file) => !isShown(file));
  return send(files.filter(isShown), "photo").then(() => send(others, "document"));
}
