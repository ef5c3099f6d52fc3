// The switch with which the local Spotify fails as the real one is known to.

import { attempt } from "./notices.js";
import { turnSwitch } from "./server.js";

const AS_IT_SHOULD = "as it should";

const form = document.querySelector("#faults");
const choice = document.querySelector("#fault");

/** `tellChange` is called when another switch is on. */
export function setUpFaults(tellChange) {
  choice.addEventListener("change", async () => {
    await attempt(() => turnSwitch(choice.value));
    tellChange();
  });
}

/** Show the switches ({name: label}) and which is on: those that work once go off by themselves. */
export function showFaults(switches = {}, on = "") {
  form.hidden = !Object.keys(switches).length;
  if (!choice.options.length) {
    choice.append(new Option(AS_IT_SHOULD, ""));
    for (const [name, label] of Object.entries(switches)) choice.append(new Option(label, name));
  }
  if (choice.value !== on) choice.value = on;
  form.classList.toggle("on", Boolean(on));
}
