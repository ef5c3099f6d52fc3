// The chat page: follows the chat and connects the parts of the page.
//
// Hooks for tests, which stay as they are:
//   #messages li[data-message-id][data-from="bot|me"][data-kind="text|photo|video|document|…"]
//     (those of an album inside li.album) holds .bubble and, where the bot gave buttons, .keyboard
//     with buttons (or links) by their text; a pressed button has aria-busy="true" until the bot
//     answers; .reactions has what the bot reacted with as span, the person's own as
//     button[aria-pressed="true"], and .react, which opens .palette
//   #start                   sends /start; shown while the chat is empty
//   #composer, #text, #send  where a message is written
//   #attach                  opens #attach-menu with [data-attach="photo|camera|note|sample|
//                            sample-note|document|sticker|portrait-sticker|voice|location"]; the
//                            files go to #pick-photo and #pick-document; #first-step has sample
//                            and camera too
//   #commands [role=option]  the bot's commands, after "/" or #show-commands
//   #reply-keyboard          the bot's reply keyboard, if it sent one
//   #toast, #alert           how the bot answered a button; also what went wrong
//   #action                  what the bot is doing ("typing…")
//   #fault                   the menu that makes the local Spotify fail; #faults.on while it does
//   [data-panel="spotify"]   the playlists: [data-playlist-id] with li[data-track], of which
//                            new ones have [data-change="added"]; .removed lists those that are gone
//   #viewer, #camera         the enlarged picture, the webcam
//   html[data-connected]     "yes" while the page follows the chat

import { setUpCamera } from "./camera.js";
import { setCommands, setUpComposer } from "./composer.js";
import * as messages from "./messages.js";
import { attempt, toast } from "./notices.js";
import { setUpReplyKeyboard, showReplyKeyboard } from "./reply_keyboard.js";
import { refreshPlaylists, setUpPlaylists } from "./playlists.js";
import { act, fetchNews } from "./server.js";

const BUSY_MS = 20_000; // after that the bot will not answer any more
const MAX_PAUSE_MS = 10_000;
const CONNECTED = "runs locally: nothing leaves this computer";
const ACTIONS = {
  typing: "typing…",
  upload_photo: "sending a photo…",
  upload_document: "sending a file…",
};

const find = (selector) => document.querySelector(selector);
const waiting = new Map(); // query id -> {messageId, data}
const earlyAnswers = new Map(); // query id -> an answer that arrived before we knew the id
let actionTimer;

function sendText(text) {
  return attempt(() => act("text", { text }));
}

async function press(messageId, data) {
  if (messages.isBusy(messageId, data)) return;
  messages.setBusy(messageId, data, true);
  const isSent = await attempt(async () => {
    const { sent: queryId } = await act("press", { message_id: messageId, data });
    waiting.set(queryId, { messageId, data });
    setTimeout(() => finish(queryId), BUSY_MS);
    if (earlyAnswers.has(queryId)) answered(earlyAnswers.get(queryId));
  });
  if (!isSent) messages.setBusy(messageId, data, false);
}

function react(messageId, emoji) {
  return attempt(() => act("react", { message_id: messageId, emoji }));
}

function finish(queryId) {
  const button = waiting.get(queryId);
  if (!button) return false;
  waiting.delete(queryId);
  messages.setBusy(button.messageId, button.data, false);
  return true;
}

function answered(answer) {
  earlyAnswers.delete(answer.query_id);
  if (!finish(answer.query_id)) {
    earlyAnswers.set(answer.query_id, answer);
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

function showPicture(url, alt) {
  const image = find("#viewer img");
  [image.src, image.alt] = [url, alt];
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
  showReplyKeyboard(news.offered);
  news.answers.forEach(answered);
  find("#welcome").hidden = !messages.isEmpty();
  find("#first-step").hidden = messages.isEmpty() || messages.hasSent("photo", "video_note", "sticker", "document");
  if (news.messages.some(({ message }) => message.from.is_bot)) refreshPlaylists();
}

function showConnection(isConnected) {
  document.documentElement.dataset.connected = isConnected ? "yes" : "no";
  find("#connection").textContent = isConnected ? CONNECTED : "reconnecting…";
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
setUpReplyKeyboard(sendText);
find("#start").addEventListener("click", async () => {
  if (await sendText("/start")) find("#text").focus();
});
follow();
