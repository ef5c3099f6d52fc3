// Reads the size and length of videos, and records video messages.

export const NOTE_PX = 384; // as Telegram's apps record them
const NOTE_KINDS = ["video/mp4;codecs=avc1.42E01E", "video/webm;codecs=vp8", "video/webm"];
const SAMPLE_MS = 2500;

/** Resolve to [width, height, seconds] of a video that can be played; null for other files. */
export async function shapeOf(file) {
  if (!file.type.startsWith("video/")) return null;
  const video = document.createElement("video");
  video.preload = "metadata";
  video.src = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      video.onloadedmetadata = resolve;
      video.onerror = reject;
    });
    const seconds = Number.isFinite(video.duration) ? Math.round(video.duration) : 0;
    return [video.videoWidth, video.videoHeight, seconds];
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(video.src);
  }
}

/** Start to record a stream; `stop()` resolves to {file, shape}. */
export function record(stream) {
  const kind = NOTE_KINDS.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: 1_000_000 });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const startedAt = performance.now();
  const { width = NOTE_PX, height = NOTE_PX } = stream.getVideoTracks()[0].getSettings();
  recorder.start();
  const stop = () =>
    new Promise((resolve) => {
      const seconds = Math.max(1, Math.round((performance.now() - startedAt) / 1000));
      recorder.onstop = () => {
        const type = kind.split(";")[0];
        const file = new File(parts, `note.${type.split("/")[1]}`, { type });
        resolve({ file, shape: [width, height, seconds] });
      };
      recorder.stop();
    });
  return { stop };
}

/** Film the picture at a URL, slowly zooming in, as a video message of a few seconds. */
export async function filmPicture(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = NOTE_PX;
  const context = canvas.getContext("2d");
  const stream = canvas.captureStream(20);
  const startedAt = performance.now();
  const draw = () => {
    const zoom = 1 + (0.1 * (performance.now() - startedAt)) / SAMPLE_MS;
    const side = (0.62 * image.width) / zoom; // the head and what is around it
    const [left, top] = [0.44 * image.width - side / 2, 0.26 * image.height - side * 0.42];
    context.drawImage(image, left, Math.max(0, top), side, side, 0, 0, NOTE_PX, NOTE_PX);
  };
  draw();
  const timer = setInterval(draw, 50);
  const recording = record(stream);
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  const filmed = await recording.stop();
  clearInterval(timer);
  stream.getTracks().forEach((track) => track.stop());
  return filmed;
}
