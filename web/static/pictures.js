// Show a placeholder for presenters without a thumbnail, and request the missing thumbnails.

import { answerTo, ask } from "./api.js";

const missing = [];
let looking = false;

const lookAtThem = async () => {
  looking = true;
  for (let image = missing.shift(); image; image = missing.shift()) {
    const { id } = await ask("POST", "/preflights", {
      presenter: { library: image.dataset.presenter },
    });
    const errand = await answerTo(id);
    if (errand === null) {
      return; // the worker is not running
    }
    if (errand.file) {
      image.src = errand.file;
    }
  }
  looking = false;
};

for (const image of document.querySelectorAll("img[data-fallback]")) {
  const fall = () => {
    image.src = image.dataset.fallback;
    missing.push(image);
    if (!looking) {
      lookAtThem().catch(() => {});
    }
  };
  image.addEventListener("error", fall, { once: true });
  if (image.complete && image.naturalWidth === 0) {
    fall();
  }
}
