// Reactions to a message, and the palette for choosing one.

const PALETTE = ["👍", "❤", "🔥", "🤔", "👎", "💩"];

/** Add the reactions to a message's bubble; `onReact(emoji)` is called when one is clicked. */
export function addReactions(bubble, theirs, own, canReact, onReact) {
  const line = document.createElement("div");
  line.className = "reactions";
  for (const emoji of theirs) {
    const sign = document.createElement("span");
    sign.textContent = emoji;
    line.append(sign);
  }
  for (const emoji of own) {
    const sign = drawButton(emoji, `Remove ${emoji}`, () => onReact(""));
    sign.setAttribute("aria-pressed", "true");
    line.append(sign);
  }
  if (canReact) line.append(drawOpener(line, own, onReact));
  if (line.hasChildNodes()) bubble.append(line);
}

function drawOpener(line, own, onReact) {
  const opener = drawButton("☺", "React", () => {
    const isOpen = line.querySelector(".palette") === null;
    opener.setAttribute("aria-expanded", isOpen);
    if (!isOpen) return line.querySelector(".palette").remove();
    const palette = document.createElement("span");
    palette.className = "palette";
    for (const emoji of PALETTE) {
      const isOwn = own.includes(emoji);
      palette.append(drawButton(emoji, `React with ${emoji}`, () => onReact(isOwn ? "" : emoji)));
    }
    line.append(palette);
    palette.firstChild.focus();
  });
  opener.className = "react";
  opener.setAttribute("aria-expanded", "false");
  return opener;
}

function drawButton(text, label, onClick) {
  const button = document.createElement("button");
  button.textContent = text;
  button.setAttribute("aria-label", label);
  button.addEventListener("click", onClick);
  return button;
}
