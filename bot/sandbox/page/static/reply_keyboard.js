// The reply keyboard: each of its buttons sends its own text.

import { attempt } from "./notices.js";
import { act } from "./server.js";

const keyboard = document.querySelector("#reply-keyboard");

let shown = "[]";
let sendText;

/** `send` is called with the text of a button. */
export function setUpReplyKeyboard(send) {
  sendText = send;
}

/** Show rows of buttons; without any, hide the keyboard. */
export function showReplyKeyboard(rows) {
  const given = JSON.stringify(rows);
  if (given === shown) return;
  shown = given;
  keyboard.replaceChildren(...rows.map(drawRow));
  keyboard.hidden = !rows.length;
}

function drawRow(buttons) {
  const row = document.createElement("div");
  row.className = "row";
  row.append(...buttons.map(drawButton));
  return row;
}

function drawButton({ text, request_location: asksLocation }) {
  const button = document.createElement("button");
  button.textContent = text;
  button.addEventListener("click", () => {
    if (asksLocation) attempt(() => act("location"));
    else sendText(text);
  });
  return button;
}
