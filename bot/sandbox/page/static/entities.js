// Draws a message's text with its entities. Offsets count UTF-16 units, as JavaScript does.

const TAGS = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
};

/** Return a fragment; `onCommand` is called with a command that the person clicks. */
export function formatted(text, entities, onCommand) {
  const fragment = document.createDocumentFragment();
  fill(fragment, text, entities ?? [], 0, text.length, onCommand);
  return fragment;
}

function fill(parent, text, entities, start, end, onCommand) {
  let at = start;
  for (const [index, entity] of entities.entries()) {
    if (entity.offset < at || entity.offset >= end) continue; // nested in one that is already drawn
    const stop = Math.min(entity.offset + entity.length, end);
    parent.append(text.slice(at, entity.offset));
    const element = elementFor(entity, text.slice(entity.offset, stop), onCommand);
    fill(element, text, entities.slice(index + 1), entity.offset, stop, onCommand);
    parent.append(element);
    at = stop;
  }
  parent.append(text.slice(at, end));
}

function elementFor(entity, text, onCommand) {
  switch (entity.type) {
    case "text_link":
    case "url":
      return link(entity.url ?? text);
    case "bot_command": {
      const button = document.createElement("button");
      button.className = "command";
      button.addEventListener("click", () => onCommand(text));
      return button;
    }
    case "spoiler":
      return revealed("span", "spoiler", "Hidden text. Click to show it.");
    case "expandable_blockquote":
      return revealed("blockquote", "expandable", "Click to show all of it");
    default:
      return document.createElement(TAGS[entity.type] ?? "span");
  }
}

function link(url) {
  const element = document.createElement("a");
  if (/^https?:\/\//i.test(url)) {
    element.href = url;
    element.target = "_blank";
    element.rel = "noopener noreferrer";
  }
  return element;
}

function revealed(tag, className, label) {
  const element = document.createElement(tag);
  element.className = className;
  element.tabIndex = 0;
  element.role = "button";
  element.title = label;
  const reveal = () => {
    element.classList.add("shown");
    element.removeAttribute("role");
    element.removeAttribute("title");
  };
  element.addEventListener("click", reveal);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      reveal();
    }
  });
  return element;
}
