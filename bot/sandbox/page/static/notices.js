// Short notices above the message field.

const SHOWN_MS = 4000;
const element = document.querySelector("#toast");
let timer;

export function toast(text) {
  element.textContent = text;
  element.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => element.classList.remove("shown"), SHOWN_MS);
}

/** Run something and show its error as a notice; return whether it succeeded. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}
