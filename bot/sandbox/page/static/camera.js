// Takes pictures and records video messages with the camera.

import { attempt, toast } from "./notices.js";
import { sendFiles } from "./server.js";
import { NOTE_PX, record } from "./videos.js";

const ERRORS = {
  NotFoundError: "No camera was found on this computer. You can send a photo from a file instead.",
  NotAllowedError:
    "The browser blocks the camera. Allow it in the address bar, or send a photo from a file.",
  NotReadableError: "Another program is using the camera. Close it and try again.",
};
const MAX_RECORDING_MS = 60_000;
const LABELS = {
  photo: { title: "Take a picture", take: "Take picture" },
  note: { title: "Record a video message", take: "Record" },
};
const CONSTRAINTS = {
  photo: { width: { ideal: 1280 }, height: { ideal: 960 } },
  note: { width: { ideal: NOTE_PX }, height: { ideal: NOTE_PX }, aspectRatio: { ideal: 1 } },
};

const find = (selector) => document.querySelector(selector);
const dialog = find("#camera");
const video = find("#camera-view video");
const canvas = find("#camera-view canvas");
let kind = "photo";
let stream = null;
let recording = null; // while a video message is being recorded
let note = null; // {file, shape} of the recorded one
let timer;

export function setUpCamera() {
  find("#camera-take").addEventListener("click", take);
  find("#camera-again").addEventListener("click", () => showTaken(false));
  find("#camera-send").addEventListener("click", send);
  find("#camera-cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);
}

/** Open the camera to take a "photo" or to record a "note". */
export async function openCamera(wanted) {
  kind = wanted;
  find("#camera h2").textContent = LABELS[kind].title;
  dialog.dataset.kind = kind;
  dialog.showModal();
  showTaken(false);
  find("#camera-take").disabled = true;
  showMessage("Waiting for the camera…");
  try {
    if (!navigator.mediaDevices) throw new DOMException("no camera here", "NotFoundError");
    const opened = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "user", ...CONSTRAINTS[kind] },
    });
    if (!dialog.open) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    if (dialog.open) showMessage(ERRORS[error.name] ?? "The camera could not be started.");
    return;
  }
  showMessage("");
  find("#camera-take").disabled = false;
  find("#camera-take").focus();
}

function take() {
  if (kind === "photo") {
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    showTaken(true);
  } else if (recording) {
    finishRecording();
  } else {
    recording = record(stream);
    timer = setTimeout(finishRecording, MAX_RECORDING_MS);
    showRecording(true);
  }
}

async function finishRecording() {
  clearTimeout(timer);
  const finishing = recording;
  recording = null;
  note = await finishing.stop();
  if (!dialog.open) return;
  video.srcObject = null;
  video.src = URL.createObjectURL(note.file);
  video.loop = true;
  video.play();
  showTaken(true);
}

async function send() {
  if (kind === "note") {
    const { file, shape } = note;
    dialog.close();
    await attempt(() => sendFiles([file], "video_note", "", [shape]));
    return;
  }
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  if (!blob) return toast("The picture could not be read from the camera.");
  dialog.close();
  const file = new File([blob], "camera.jpg", { type: "image/jpeg" });
  await attempt(() => sendFiles([file], "photo"));
}

function showTaken(isTaken) {
  if (!isTaken && video.src) {
    forgetRecording();
    video.srcObject = stream;
    video.play();
  }
  showRecording(false);
  video.hidden = isTaken && kind === "photo";
  canvas.hidden = !isTaken || kind === "note";
  find("#camera-take").hidden = isTaken;
  for (const id of ["#camera-again", "#camera-send"]) find(id).hidden = !isTaken;
  if (isTaken) find("#camera-send").focus();
}

function showRecording(isRecording) {
  find("#camera-take").textContent = isRecording ? "Stop" : LABELS[kind].take;
  dialog.classList.toggle("recording", isRecording);
}

function showMessage(message) {
  find("#camera-message").textContent = message;
  find("#camera-view").hidden = Boolean(message);
}

function forgetRecording() {
  if (video.src) URL.revokeObjectURL(video.src);
  video.removeAttribute("src");
  video.loop = false;
}

function stop() {
  clearTimeout(timer);
  recording = note = null;
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
  forgetRecording();
}
