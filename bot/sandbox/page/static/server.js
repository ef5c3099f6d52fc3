// Requests to the server. Errors carry a sentence for the person.

export const user = new URLSearchParams(location.search).get("user") ?? "1";

const UNREACHABLE = "The server does not answer. Is it still running?";

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    throw new Error(UNREACHABLE, { cause: error });
  }
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  if (!isJson) throw new Error(response.ok ? UNREACHABLE : await response.text());
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? UNREACHABLE);
  return answer;
}

/** What changed in the chat since the cursor; waits up to half a minute for something. */
export function fetchNews(cursor) {
  const query = new URLSearchParams({ user, cursor });
  return request(`/chat/news?${query}`, { signal: AbortSignal.timeout(40_000) });
}

export function fetchPlaylists() {
  return request("/spotify/panel");
}

/** Make the local Spotify fail in one of its ways; an empty name makes it work again. */
export function setFault(name) {
  return post("/spotify/change/switch", name);
}

/** Delete a playlist in the local Spotify, as its listener could. */
export function deletePlaylist(id) {
  return post("/spotify/change/delete", id);
}

/** Do something in the chat: text, press, react, sticker, portrait-sticker, voice, location. */
export function act(name, fields = {}) {
  return post(`/chat/${name}`, { user, ...fields });
}

function post(url, body) {
  return request(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/**
 * Send files as "photo", which videos may be too, as "video_note", or as "document"; `shapes` has
 * the [width, height, seconds] of each video, null for the other files.
 */
export function sendFiles(files, as, caption = "", shapes = []) {
  const form = new FormData();
  for (const file of files) form.append("file", file);
  form.append("caption", caption);
  form.append("shapes", JSON.stringify(shapes));
  const query = new URLSearchParams({ user, as });
  return request(`/chat/files?${query}`, { method: "POST", body: form });
}

export function fileUrl(file) {
  return `/chat/file/${file.file_unique_id}`;
}
