// The messages: one list item each, updated in place when the bot edits it.

import { make } from "./elements.js";
import { formatted } from "./entities.js";
import { addReactions } from "./reactions.js";
import { fileUrl } from "./server.js";

const NEAR_END_PX = 120;
const PICTURES = new Set(["image/jpeg", "image/png", "image/webp", "image/gif"]);

const log = document.querySelector("#log");
const list = document.querySelector("#messages");
const toEnd = document.querySelector("#to-end");
const shown = new Map(); // message id -> {item, body, keyboard}: what was drawn last, as JSON
const busy = new Set(); // buttons that wait for an answer, as "message id:data"
let followsEnd = true; // whether new messages are scrolled to
let lastTop = 0;

let handlers; // {onCommand(text), onPress(messageId, data), onReact(messageId, emoji),
//                onPicture(url, alt)}

export function setUpMessages(given) {
  handlers = given;
  toEnd.addEventListener("click", scrollToEnd);
  log.addEventListener("scroll", () => {
    if (isNearEnd()) {
      followsEnd = true;
      toEnd.hidden = true;
    } else if (log.scrollTop < lastTop) {
      followsEnd = false; // the person scrolled up; growth alone never does
      if (toEnd.hidden) showJumpButton("↓");
    }
    lastTop = log.scrollTop;
  });
  // Stay at the end when the log shrinks (a phone's keyboard opens) or its messages grow (a picture
  // of unknown size has loaded).
  const observer = new ResizeObserver(() => followsEnd && scrollToEnd());
  observer.observe(log);
  observer.observe(list);
}

/** Show what changed. */
export function applyNews(news) {
  if (news.reset) {
    shown.clear();
    list.replaceChildren();
  }
  for (const id of news.deleted) {
    if (shown.has(id)) removeItem(shown.get(id).item);
    shown.delete(id);
  }
  const added = news.messages.filter(({ message }) => !shown.has(message.message_id));
  for (const entry of news.messages) draw(entry);
  if (followsEnd || added.some(({ message }) => !message.from.is_bot)) scrollToEnd();
  else if (added.length) showJumpButton("New messages ↓");
}

/** Return whether the person has sent a message of one of these kinds. */
export function hasSent(...kinds) {
  return kinds.some((kind) => list.querySelector(`[data-from="me"][data-kind="${kind}"]`));
}

export function isEmpty() {
  return shown.size === 0;
}

export function scrollToEnd() {
  log.scrollTop = log.scrollHeight;
  lastTop = log.scrollTop;
  followsEnd = true;
  toEnd.hidden = true;
}

function showJumpButton(text) {
  toEnd.textContent = text;
  toEnd.hidden = false;
}

/** Show that a button waits for the bot's answer, or no longer does. */
export function setBusy(messageId, data, isBusy) {
  busy[isBusy ? "add" : "delete"](`${messageId}:${data}`);
  const item = shown.get(messageId)?.item;
  for (const button of item?.querySelectorAll(".keyboard button") ?? []) {
    if (button.dataset.data === data) button.setAttribute("aria-busy", isBusy);
  }
}

export function isBusy(messageId, data) {
  return busy.has(`${messageId}:${data}`);
}

function isNearEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
}

function draw({ message, reactions: theirs, own_reactions: own }) {
  const id = message.message_id;
  const { reply_markup: markup, ...content } = message;
  const body = JSON.stringify([content, theirs, own]);
  const keyboard = JSON.stringify(markup ?? null);
  const last = shown.get(id);
  const item = last?.item ?? newItem(message);
  if (last?.body !== body) {
    const react = (emoji) => handlers.onReact(id, emoji);
    const bubble = drawBubble(message, item);
    addReactions(bubble, theirs, own, message.from.is_bot, react);
    if (last) item.querySelector(".bubble").replaceWith(bubble);
    else item.prepend(bubble);
    item.dataset.kind = kindOf(message);
  }
  if (last?.keyboard !== keyboard) replaceKeyboard(item, id, markup);
  shown.set(id, { item, body, keyboard });
}

function newItem(message) {
  const item = make("li");
  item.dataset.messageId = message.message_id;
  item.dataset.from = message.from.is_bot ? "bot" : "me";
  const group = message.media_group_id;
  insert(group ? albumFor(group, item) : list, item, message.message_id);
  return item;
}

/** Insert an item in the order of message ids. */
function insert(parent, item, id) {
  const first = (other) => Number(other.dataset.messageId ?? other.dataset.first);
  const after = [...parent.children].find((other) => first(other) > id);
  parent.insertBefore(item, after ?? null);
}

/** Return the list of an album's messages; creates it for the first one. */
function albumFor(group, item) {
  const present = list.querySelector(`[data-album="${group}"] > ol`);
  if (present) return present;
  const album = make("li", "album");
  Object.assign(album.dataset, { album: group, first: item.dataset.messageId });
  album.dataset.from = item.dataset.from;
  album.append(make("ol"));
  insert(list, album, item.dataset.messageId);
  return album.querySelector("ol");
}

function removeItem(item) {
  const album = item.closest(".album");
  item.remove();
  if (album && !album.querySelector("li")) album.remove();
}

function kindOf(message) {
  const kinds = ["photo", "video", "video_note", "animation", "document", "sticker", "voice"];
  return [...kinds, "location"].find((kind) => kind in message) ?? "text";
}

function drawBubble(message, item) {
  const bubble = make("div", "bubble");
  const speaker = make("span", "unseen", `${message.from.is_bot ? message.from.first_name : "You"}: `);
  bubble.append(speaker);
  if (message.reply_to_message) bubble.append(drawQuote(message.reply_to_message));
  const media = drawMedia(message, item);
  const text = message.text ?? message.caption;
  if (media && !message.show_caption_above_media) bubble.append(media);
  if (text) {
    const paragraph = make("div", "text");
    const entities = message.entities ?? message.caption_entities;
    paragraph.append(formatted(text, entities, handlers.onCommand));
    bubble.append(paragraph);
  }
  if (media && message.show_caption_above_media) bubble.append(media);
  bubble.append(drawTime(message.date));
  bubble.classList.toggle("bare", ["sticker", "video_note"].includes(kindOf(message)));
  bubble.classList.toggle("picture", ["photo", "video", "animation"].includes(kindOf(message)));
  return bubble;
}

function drawQuote(message) {
  const kind = kindOf(message).replace("_", " ");
  const label = kind[0].toUpperCase() + kind.slice(1);
  const quote = make("p", "quote");
  if (message.photo) {
    const image = make("img");
    image.alt = "";
    image.src = fileUrl(message.photo[0]);
    quote.append(image);
  }
  quote.append(make("span", "", message.text ?? message.caption ?? label));
  return quote;
}

function drawMedia(message, item) {
  switch (kindOf(message)) {
    case "photo":
      return drawPhoto(message.photo.at(-1), message.caption, item);
    case "video":
      return drawVideo(message.video, item, { controls: true });
    case "video_note":
      return drawVideo(message.video_note, item, { muted: true, loop: true, autoplay: true });
    case "animation": // a GIF here, where the real Telegram makes it a video
      return drawPhoto(message.animation, message.caption ?? "GIF", item);
    case "document":
      return drawDocument(message.document, message.caption, item);
    case "sticker": {
      const image = pictureFor(message.sticker, item);
      image.alt = message.sticker.emoji;
      image.width = image.height = 140;
      return image;
    }
    case "voice":
      return drawCard("🎙️", "Voice message", `${message.voice.duration} s`);
    case "location": {
      const { latitude, longitude } = message.location;
      return drawCard("📍", "Location", `${latitude.toFixed(3)}, ${longitude.toFixed(3)}`);
    }
    default:
      return null;
  }
}

function drawPhoto(file, caption, item) {
  const image = pictureFor(file, item);
  image.alt = caption ?? "Photo";
  if (file.width) [image.width, image.height] = [file.width, file.height]; // no jump on loading
  const button = make("button", "open-picture");
  button.setAttribute("aria-label", "Enlarge the picture");
  button.append(image);
  button.addEventListener("click", () => handlers.onPicture(image.src, image.alt));
  return button;
}

/** Return the player of a video; an existing one is reused, so that an edit does not restart it. */
function drawVideo(file, item, settings) {
  const present = item.querySelector(`video[data-file="${file.file_unique_id}"]`);
  if (present) return present;
  const video = make("video");
  Object.assign(video, { playsInline: true, src: fileUrl(file), ...settings });
  video.dataset.file = file.file_unique_id;
  if (file.width) [video.width, video.height] = [file.width, file.height];
  if (!settings.controls) {
    video.title = "Click to play or pause";
    video.addEventListener("click", () => (video.paused ? video.play() : video.pause()));
  }
  return video;
}

function drawDocument(file, caption, item) {
  const parts = make("div");
  if (PICTURES.has(file.mime_type)) parts.append(drawPhoto(file, caption, item));
  const card = drawCard("📄", file.file_name, sizeOf(file.file_size), "a");
  card.href = fileUrl(file);
  card.download = file.file_name;
  parts.append(card);
  return parts;
}

function drawCard(icon, title, detail, tag = "div") {
  const card = make(tag, "card");
  const words = make("span");
  words.append(make("strong", "", title), make("small", "", detail));
  const sign = make("span", "emoji", icon);
  sign.ariaHidden = "true";
  card.append(sign, words);
  return card;
}

/** Return the image of a file; an existing one is reused, so that an edit does not flicker. */
function pictureFor(file, item) {
  const present = item.querySelector(`img[data-file="${file.file_unique_id}"]`);
  if (present) return present;
  const image = make("img");
  image.dataset.file = file.file_unique_id;
  image.src = fileUrl(file);
  return image;
}

function drawTime(seconds) {
  const moment = new Date(seconds * 1000);
  const time = make("time");
  time.dateTime = moment.toISOString();
  time.textContent = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return time;
}

function replaceKeyboard(item, messageId, markup) {
  const old = item.querySelector(".keyboard");
  const hadFocus = old?.contains(document.activeElement) && document.activeElement;
  const index = hadFocus ? [...old.querySelectorAll("button, a")].indexOf(hadFocus) : -1;
  old?.remove();
  item.classList.toggle("with-keyboard", Boolean(markup));
  if (!markup) return;
  const keyboard = make("div", "keyboard");
  for (const row of markup.inline_keyboard) {
    const line = make("div", "row");
    line.append(...row.map((button) => drawButton(messageId, button)));
    keyboard.append(line);
  }
  item.append(keyboard);
  if (index >= 0) {
    const buttons = [...keyboard.querySelectorAll("button, a")];
    const same = buttons.find((button) => button.dataset.data === hadFocus.dataset.data);
    (same ?? buttons[Math.min(index, buttons.length - 1)]).focus({ preventScroll: true });
  }
}

function drawButton(messageId, { text, url, callback_data: data }) {
  if (url) {
    const link = make("a", "", text);
    link.href = url;
    link.target = "_blank";
    link.rel = "noopener";
    return link;
  }
  const button = make("button", "", text);
  button.dataset.data = data;
  button.setAttribute("aria-busy", isBusy(messageId, data));
  button.addEventListener("click", () => handlers.onPress(messageId, data));
  return button;
}

function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024
    ? `${(bytes / 1024).toFixed(0)} KB`
    : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
