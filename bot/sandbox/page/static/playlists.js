// The local Spotify's playlists beside the chat, and what changed in them.

import { setUpFaults, showFaults } from "./faults.js";
import { attempt } from "./notices.js";
import { deletePlaylist, fetchPlaylists } from "./server.js";

const WAIT_MS = 300; // the bot often sends several messages in a row

const panel = document.querySelector("#playlists");
const known = new Map(); // playlist id -> {tracks: keys, entered: keys, left: tracks}
let timer;
let drawn = "";
let onChange;

/** `tellChange` is called when a playlist is new or different. */
export function setUpPlaylists(tellChange) {
  onChange = tellChange;
  setUpFaults(refresh);
  addEventListener("focus", refreshPlaylists); // back from the page that connects Spotify
  refresh();
}

export function refreshPlaylists() {
  clearTimeout(timer);
  timer = setTimeout(refresh, WAIT_MS);
}

async function refresh() {
  let playlists = [];
  try {
    const shown = await fetchPlaylists();
    playlists = shown.playlists;
    showFaults(shown.switches, shown.switch);
  } catch (error) {
    console.info("no playlists to show", error);
    if (drawn) return; // what is shown stays until there is something newer
  }
  const state = JSON.stringify(playlists);
  if (state === drawn) return;
  const isFirst = !drawn;
  drawn = state;
  playlists.forEach(compare);
  const closed = new Set(
    [...panel.querySelectorAll("details:not([open])")].map((box) => box.dataset.playlistId),
  );
  panel.replaceChildren(
    ...playlists.map((playlist, index) => draw(playlist, index === 0 && !closed.has(playlist.id))),
  );
  if (!playlists.length) panel.append(drawEmpty());
  if (playlists.length && !isFirst) onChange();
}

/** Note which tracks entered and which left since the version before. */
function compare({ id, tracks }) {
  const before = known.get(id);
  const keys = tracks.map(keyOf);
  if (before && JSON.stringify(before.tracks.map(keyOf)) === JSON.stringify(keys)) return;
  const had = new Set(before?.tracks.map(keyOf));
  known.set(id, {
    tracks,
    entered: new Set(before?.tracks.length ? keys.filter((key) => !had.has(key)) : []),
    left: before?.tracks.filter((track) => !keys.includes(keyOf(track))) ?? [],
  });
}

function keyOf(track) {
  return track.url ?? `${track.artist}: ${track.name}`;
}

function draw(playlist, isOpen) {
  const { entered, left } = known.get(playlist.id);
  const box = make("details", "playlist");
  box.dataset.playlistId = playlist.id;
  box.open = isOpen;
  const summary = make("summary");
  const cover = make("span", "cover", "♫");
  cover.ariaHidden = "true";
  const words = make("span", "words");
  words.append(make("strong", "", playlist.name), make("small", "", lengthOf(playlist)));
  summary.append(cover, words);
  box.append(summary);
  if (playlist.description) box.append(make("p", "about", playlist.description));
  const list = make("ol");
  list.append(...playlist.tracks.map((track) => drawTrack(track, entered.has(keyOf(track)))));
  box.append(list);
  if (left.length) {
    const titles = left.map((track) => track.name).join(", ");
    box.append(make("p", "left", `Left since the last version: ${titles}`));
  }
  const actions = make("p", "actions");
  actions.append(drawLink(playlist), drawDelete(playlist));
  box.append(actions);
  return box;
}

function drawTrack(track, isNew) {
  const item = make("li");
  item.dataset.track = track.name;
  const words = make("span", "words");
  const isMarked = track.name.includes("(invented)");
  const title = make("span", "title", track.name);
  if (track.invented && !isMarked) title.append(" ", make("small", "invented", "(invented)"));
  words.append(title, make("small", "", track.artist));
  item.append(words);
  if (isNew) {
    item.dataset.change = "entered";
    item.append(make("small", "badge", "new"));
  }
  item.append(make("small", "duration", minutes(track.duration_ms)));
  return item;
}

function drawLink(playlist) {
  const link = make("a", "open", "Open the playlist");
  link.href = playlist.url;
  link.target = "_blank";
  link.rel = "noopener";
  return link;
}

function drawDelete(playlist) {
  const button = make("button", "", "Delete it");
  button.addEventListener("click", async () => {
    await attempt(() => deletePlaylist(playlist.id));
    refresh();
  });
  return button;
}

function drawEmpty() {
  const empty = make("div", "empty");
  const sign = make("p", "emoji", "📼");
  sign.ariaHidden = "true";
  empty.append(
    sign,
    make("p", "", "No playlist yet."),
    make("p", "hint", "Send the bot a photo of a face and connect Spotify: it appears here."),
  );
  return empty;
}

function lengthOf({ tracks, public: isPublic }) {
  const total = tracks.reduce((sum, track) => sum + track.duration_ms, 0);
  const count = `${tracks.length} ${tracks.length === 1 ? "track" : "tracks"}`;
  return `${count} · ${Math.round(total / 60_000)} min · ${isPublic ? "public" : "only you"}`;
}

function minutes(ms) {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(text);
  return element;
}
