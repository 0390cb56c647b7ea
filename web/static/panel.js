// Shared by all pages: the CSRF token on htmx requests, confirmation dialogs, and error messages.
"use strict";

(() => {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const toast = document.getElementById("toast");

  // Show a message, or hide the current one when `text` is empty.
  const showToast = (text) => {
    toast.textContent = text;
    toast.hidden = !text;
  };

  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRF-Token"] = token;
    showToast("");
  });

  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) {
      window.location.reload();
      return;
    }
    try {
      const problem = JSON.parse(event.detail.xhr.responseText);
      showToast(`${problem.text} ${problem.cure}`);
    } catch {
      showToast(toast.dataset.failed);
    }
  });

  document.addEventListener("htmx:sendError", () => showToast(toast.dataset.failed));

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      showToast("");
    }
  });
})();
