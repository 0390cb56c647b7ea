// Show a placeholder for presenters without a thumbnail, and request the missing thumbnails.

import { request, waitForTask } from "./api.js";

const missing = [];
let running = false;

const requestThumbnails = async () => {
  running = true;
  for (let image = missing.shift(); image; image = missing.shift()) {
    const { id } = await request("POST", "/preflights", {
      presenter: { library: image.dataset.presenter },
    });
    const task = await waitForTask(id);
    if (task === null) {
      return; // the worker is not running
    }
    if (task.file) {
      image.src = task.file;
    }
  }
  running = false;
};

for (const image of document.querySelectorAll("img[data-fallback]")) {
  const showPlaceholder = () => {
    image.src = image.dataset.fallback;
    missing.push(image);
    if (!running) {
      requestThumbnails().catch(() => {});
    }
  };
  image.addEventListener("error", showPlaceholder, { once: true });
  if (image.complete && image.naturalWidth === 0) {
    showPlaceholder();
  }
}
