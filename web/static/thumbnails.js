// Show a placeholder for presenters without a thumbnail, and request the missing thumbnails.

import { ApiError, request, sleep, waitForTask } from "./api.js";

const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 60000;

const missing = [];
let running = false;

// Request the thumbnail of one presenter and show it. Returns whether it must be tried again,
// because the device did not answer or its worker is not running.
const requestThumbnail = async (image) => {
  try {
    const { id } = await request("POST", "/preflights", {
      presenter: { library: image.dataset.presenter },
    });
    const task = await waitForTask(id);
    if (task?.file) {
      image.src = task.file;
    }
    return task === null;
  } catch (error) {
    return !(error instanceof ApiError) || error.isTemporary;
  }
};

// Request one thumbnail after the other. After a failure the pauses become longer.
const requestThumbnails = async () => {
  running = true;
  let pause = FIRST_PAUSE_MS;
  for (let image = missing.shift(); image; image = missing.shift()) {
    if (await requestThumbnail(image)) {
      missing.unshift(image);
      await sleep(pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    } else {
      pause = FIRST_PAUSE_MS;
    }
  }
  running = false;
};

for (const image of document.querySelectorAll("img[data-fallback]")) {
  const showPlaceholder = () => {
    image.src = image.dataset.fallback;
    missing.push(image);
    if (!running) {
      requestThumbnails();
    }
  };
  image.addEventListener("error", showPlaceholder, { once: true });
  if (image.complete && image.naturalWidth === 0) {
    showPlaceholder();
  }
}
