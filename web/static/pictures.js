// A presenter whose picture has not been made yet gets a drawn one.

for (const image of document.querySelectorAll("img[data-fallback]")) {
  const fall = () => {
    image.src = image.dataset.fallback;
  };
  image.addEventListener("error", fall, { once: true });
  if (image.complete && image.naturalWidth === 0) {
    fall();
  }
}
