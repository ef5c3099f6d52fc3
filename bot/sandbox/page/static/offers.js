// The buttons that the bot put in the place of a keyboard: each sends what it says.

import { attempt } from "./notices.js";
import { act } from "./server.js";

const place = document.querySelector("#offers");

let shown = "[]";
let sendText;

/** `send` sends a text. */
export function setUpOffers(send) {
  sendText = send;
}

/** Show rows of buttons; none hides the place. */
export function showOffers(rows) {
  const given = JSON.stringify(rows);
  if (given === shown) return;
  shown = given;
  place.replaceChildren(...rows.map(drawRow));
  place.hidden = !rows.length;
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
