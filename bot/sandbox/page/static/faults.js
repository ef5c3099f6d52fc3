// The menu that makes the local Spotify fail in ways that the real one does.

import { attempt } from "./notices.js";
import { setFault } from "./server.js";

const NO_FAULT = "normally";

const row = document.querySelector("#faults");
const menu = document.querySelector("#fault");

/** `onChange` is called after a fault was chosen. */
export function setUpFaults(onChange) {
  menu.addEventListener("change", async () => {
    await attempt(() => setFault(menu.value));
    onChange();
  });
}

/** Show the faults ({name: label}) and the active one. Those that happen once end by themselves. */
export function showFaults(faults = {}, active = "") {
  row.hidden = !Object.keys(faults).length;
  if (!menu.options.length) {
    menu.append(new Option(NO_FAULT, ""));
    for (const [name, label] of Object.entries(faults)) menu.append(new Option(label, name));
  }
  if (menu.value !== active) menu.value = active;
  row.classList.toggle("on", Boolean(active));
}
