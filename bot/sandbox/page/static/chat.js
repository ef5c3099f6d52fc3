// The chat page: follows the chat and ties its parts together.
//
// Hooks for tests, which stay as they are:
//   #messages li[data-message-id][data-from="bot|me"][data-kind="text|photo|video|document|…"]
//     (those of an album inside li.album) holds .bubble and, where the bot gave buttons, .keyboard
//     with buttons (or links) by their text; a pressed button has aria-busy="true" until the bot
//     answers; .reactions has what the bot reacted with as span, the person's own as
//     button[aria-pressed="true"], and .react, which opens .palette
//   #start                   sends /start; shown while the chat is empty
//   #composer, #text, #send  the message to write
//   #attach                  opens #attach-menu with [data-attach="photo|camera|note|sample|
//                            sample-note|document|sticker|portrait-sticker|voice|location"]; the
//                            files go to #pick-photo and #pick-document; #first-step offers sample
//                            and camera as well
//   #commands [role=option]  the bot's commands, after "/" or #show-commands
//   #offers                  the buttons that the bot put in the place of a keyboard, if it did
//   #toast, #alert           how the bot answered a button; also what went wrong
//   #action                  what the bot is doing ("typing…")
//   #fault                   the switch by which the local Spotify fails; #faults.on while it does
//   [data-panel="spotify"]   the playlists: [data-playlist-id] with li[data-track], of which
//                            new ones have [data-change="entered"]; .left lists those that left
//   #viewer, #camera         the enlarged picture, the webcam
//   html[data-connected]     "yes" while the page follows the chat

import { setUpCamera } from "./camera.js";
import { setCommands, setUpComposer } from "./composer.js";
import * as messages from "./messages.js";
import { attempt, toast } from "./notices.js";
import { setUpOffers, showOffers } from "./offers.js";
import { refreshPlaylists, setUpPlaylists } from "./playlists.js";
import { act, fetchNews } from "./server.js";

const BUSY_MS = 20_000; // a bot that answers later than that has forgotten the button
const MAX_PAUSE_MS = 10_000;
const CONNECTED = "a local Telegram: nothing leaves this computer";
const ACTIONS = {
  typing: "typing…",
  upload_photo: "sending a photo…",
  upload_document: "sending a file…",
};

const find = (selector) => document.querySelector(selector);
const pressed = new Map(); // query id -> {messageId, data}
const early = new Map(); // query id -> an answer that came before we knew the id
let actionTimer;

function sendText(text) {
  return attempt(() => act("text", { text }));
}

async function press(messageId, data) {
  if (messages.isBusy(messageId, data)) return;
  messages.setBusy(messageId, data, true);
  const went = await attempt(async () => {
    const { sent: queryId } = await act("press", { message_id: messageId, data });
    pressed.set(queryId, { messageId, data });
    setTimeout(() => finish(queryId), BUSY_MS);
    if (early.has(queryId)) answered(early.get(queryId));
  });
  if (!went) messages.setBusy(messageId, data, false);
}

function react(messageId, emoji) {
  return attempt(() => act("react", { message_id: messageId, emoji }));
}

function finish(queryId) {
  const button = pressed.get(queryId);
  if (!button) return false;
  pressed.delete(queryId);
  messages.setBusy(button.messageId, button.data, false);
  return true;
}

function answered(answer) {
  early.delete(answer.query_id);
  if (!finish(answer.query_id)) {
    early.set(answer.query_id, answer);
    return;
  }
  if (answer.url) open(answer.url, "_blank", "noopener");
  if (!answer.text) return;
  if (!answer.alert) return toast(answer.text);
  find("#alert-text").textContent = answer.text;
  find("#alert").showModal();
}

function showAction(action) {
  clearTimeout(actionTimer);
  find("#action").textContent = action ? (ACTIONS[action.kind] ?? "working…") : "";
  if (action) actionTimer = setTimeout(showAction, action.seconds * 1000);
}

function showPicture(address, alt) {
  const image = find("#viewer img");
  [image.src, image.alt] = [address, alt];
  find("#viewer").showModal();
}

function showBot(bot) {
  find("#bot-name").textContent = document.title = bot.name;
  if (bot.description) find("#description").textContent = bot.description;
  setCommands(bot.commands);
}

function showNews(news) {
  showBot(news.bot);
  messages.applyNews(news);
  showAction(news.action);
  showOffers(news.offered);
  news.answers.forEach(answered);
  find("#welcome").hidden = !messages.isEmpty();
  find("#first-step").hidden = messages.isEmpty() || messages.hasSent("photo", "video_note", "sticker", "document");
  if (news.messages.some(({ message }) => message.from.is_bot)) refreshPlaylists();
}

function showConnection(isConnected) {
  document.documentElement.dataset.connected = isConnected ? "yes" : "no";
  find("#connection").textContent = isConnected ? CONNECTED : "connecting again…";
}

async function follow() {
  let cursor = "";
  let pauseMs = 500;
  for (;;) {
    try {
      const news = await fetchNews(cursor);
      cursor = news.cursor;
      showNews(news);
      showConnection(true);
      pauseMs = 500;
    } catch (error) {
      showConnection(false);
      console.warn(error);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    }
  }
}

function setUpTabs() {
  const tabs = [find("#tab-chat"), find("#tab-spotify")];
  const select = (chosen) => {
    document.body.dataset.tab = chosen.getAttribute("aria-controls");
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
    }
    if (chosen === tabs[1]) find("#news-dot").hidden = true;
    else messages.scrollToEnd();
  };
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      tabs[1 - index].focus();
      select(tabs[1 - index]);
    });
  }
  select(tabs[0]);
}

function setUpViewer() {
  find("#viewer").addEventListener("click", (event) => event.currentTarget.close());
}

messages.setUpMessages({ onCommand: sendText, onPress: press, onReact: react, onPicture: showPicture });
setUpTabs();
setUpViewer();
setUpPlaylists(() => {
  if (document.body.dataset.tab === "chat") find("#news-dot").hidden = false;
});
setUpCamera();
setUpComposer(sendText);
setUpOffers(sendText);
find("#start").addEventListener("click", async () => {
  if (await sendText("/start")) find("#text").focus();
});
follow();
