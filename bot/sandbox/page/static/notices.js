// Short notices at the foot of the page.

const SHOWN_MS = 4000;
const element = document.querySelector("#toast");
let timer;

export function toast(text) {
  element.textContent = text;
  element.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => element.classList.remove("shown"), SHOWN_MS);
}

/** Run something that may fail with a sentence for the person; return whether it went well. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}
