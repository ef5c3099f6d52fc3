// The playlists in the local Spotify, and what changed in them.

import { make } from "./elements.js";
import { setUpFaults, showFaults } from "./faults.js";
import { attempt } from "./notices.js";
import { deletePlaylist, fetchPlaylists } from "./server.js";

const WAIT_MS = 300; // the bot often sends several messages in a row

const panel = document.querySelector("#playlists");
const known = new Map(); // playlist id -> {tracks: keys, added: keys, removed: tracks}
let timer;
let drawn = "";
let onChange;

/** `handler` is called when a playlist is new or has changed. */
export function setUpPlaylists(handler) {
  onChange = handler;
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
    if (drawn) return; // keep showing the last playlists
  }
  const state = JSON.stringify(playlists);
  if (state === drawn) return;
  const isFirst = !drawn;
  drawn = state;
  playlists.forEach(noteChanges);
  const closed = new Set(
    [...panel.querySelectorAll("details:not([open])")].map((box) => box.dataset.playlistId),
  );
  panel.replaceChildren(
    ...playlists.map((playlist, index) => draw(playlist, index === 0 && !closed.has(playlist.id))),
  );
  if (!playlists.length) panel.append(drawEmpty());
  if (playlists.length && !isFirst) onChange();
}

/** Note which tracks were added and removed since the previous version. */
function noteChanges({ id, tracks }) {
  const before = known.get(id);
  const keys = tracks.map(keyOf);
  if (before && JSON.stringify(before.tracks.map(keyOf)) === JSON.stringify(keys)) return;
  const had = new Set(before?.tracks.map(keyOf));
  known.set(id, {
    tracks,
    added: new Set(before?.tracks.length ? keys.filter((key) => !had.has(key)) : []),
    removed: before?.tracks.filter((track) => !keys.includes(keyOf(track))) ?? [],
  });
}

function keyOf(track) {
  return track.url ?? `${track.artist}: ${track.name}`;
}

function draw(playlist, isOpen) {
  const { added, removed } = known.get(playlist.id);
  const box = make("details", "playlist");
  box.dataset.playlistId = playlist.id;
  box.open = isOpen;
  const summary = make("summary");
  const cover = make("span", "cover", "♫");
  cover.ariaHidden = "true";
  const words = make("span", "words");
  words.append(make("strong", "", playlist.name), make("small", "", summaryOf(playlist)));
  summary.append(cover, words);
  box.append(summary);
  if (playlist.description) box.append(make("p", "about", playlist.description));
  const list = make("ol");
  list.append(...playlist.tracks.map((track) => drawTrack(track, added.has(keyOf(track)))));
  box.append(list);
  if (removed.length) {
    const titles = removed.map((track) => track.name).join(", ");
    box.append(make("p", "removed", `Removed since the last version: ${titles}`));
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
    item.dataset.change = "added";
    item.append(make("small", "badge", "new"));
  }
  item.append(make("small", "duration", minutesAndSeconds(track.duration_ms)));
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
  const button = make("button", "", "Delete");
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
    make("p", "hint", "Send the bot a photo of a face and connect Spotify. The playlist appears here."),
  );
  return empty;
}

function summaryOf({ tracks, public: isPublic }) {
  const total = tracks.reduce((sum, track) => sum + track.duration_ms, 0);
  const count = `${tracks.length} ${tracks.length === 1 ? "track" : "tracks"}`;
  return `${count} · ${Math.round(total / 60_000)} min · ${isPublic ? "public" : "only you"}`;
}

function minutesAndSeconds(ms) {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
