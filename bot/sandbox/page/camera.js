// Taking a picture with the computer's camera.

import { attempt, toast } from "./notices.js";
import { sendFiles } from "./server.js";

const WHY_NOT = {
  NotFoundError: "No camera was found on this computer. A photo from a file works as well.",
  NotAllowedError:
    "The browser may not use the camera. Allow it at the address bar, or send a photo from a file.",
  NotReadableError: "Another program is using the camera. Close it and try again.",
};

const find = (selector) => document.querySelector(selector);
const dialog = find("#camera");
const video = find("#camera video");
const canvas = find("#camera canvas");
let stream = null;

export function setUpCamera() {
  find("#camera-take").addEventListener("click", take);
  find("#camera-again").addEventListener("click", () => showTaken(false));
  find("#camera-send").addEventListener("click", send);
  find("#camera-cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);
}

export async function openCamera() {
  dialog.showModal();
  showTaken(false);
  find("#camera-take").disabled = true;
  say("Waiting for the camera…");
  try {
    if (!navigator.mediaDevices) throw new DOMException("no camera here", "NotFoundError");
    const opened = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } },
    });
    if (!dialog.open) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    if (dialog.open) say(WHY_NOT[error.name] ?? "The camera could not be started.");
    return;
  }
  say("");
  find("#camera-take").disabled = false;
  find("#camera-take").focus();
}

function take() {
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  showTaken(true);
  find("#camera-send").focus();
}

async function send() {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  if (!blob) return toast("The picture could not be read from the camera.");
  dialog.close();
  const file = new File([blob], "camera.jpg", { type: "image/jpeg" });
  await attempt(() => sendFiles([file], "photo"));
}

function showTaken(isTaken) {
  video.hidden = isTaken;
  canvas.hidden = !isTaken;
  find("#camera-take").hidden = isTaken;
  for (const id of ["#camera-again", "#camera-send"]) find(id).hidden = !isTaken;
}

function say(sentence) {
  find("#camera-message").textContent = sentence;
  find("#camera-view").hidden = Boolean(sentence);
}

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
}
