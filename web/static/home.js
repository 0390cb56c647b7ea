// Live updates of the home page: server-sent events, or polling every few seconds when the stream
// fails.
"use strict";

(() => {
  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  const POLL_MS = 5000;
  const RECONNECT_MS = 30000;
  const MIN_RELOAD_MS = 3000;
  let stream = null;
  let pollTimer = 0;
  let failures = 0;

  // Show a value in every element that is marked with its name.
  const setValue = (name, value) => {
    if (name === "title") {
      document.title = `${value} · Lectern`;
    }
    for (const element of live.querySelectorAll(`[data-live="${name}"]`)) {
      if (element.tagName !== "PROGRESS") {
        if (element.textContent !== String(value)) {
          element.textContent = value;
        }
      } else if (value < 0) {
        element.removeAttribute("value");
      } else {
        element.value = value;
      }
    }
    for (const element of live.querySelectorAll(`[data-level-of="${name}"]`)) {
      element.dataset.level = value;
    }
  };

  const replaceContent = (html) => {
    const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
    live.innerHTML = html;
    if (window.htmx) {
      window.htmx.process(live);
    }
    if (focused) {
      (document.getElementById(focused) || document.getElementById("headline")).focus({
        preventScroll: true,
      });
    }
  };

  const applyUpdate = (update) => {
    // The user, role or language has changed since the page was loaded. The delay prevents a reload
    // loop.
    if (update.viewer_key !== live.dataset.viewerKey && performance.now() > MIN_RELOAD_MS) {
      window.location.reload();
      return;
    }
    if (update.html !== undefined) {
      replaceContent(update.html);
    }
    for (const [name, value] of Object.entries(update.values)) {
      setValue(name, value);
    }
    failures = 0;
    connection.textContent = "";
  };

  const onConnectionError = () => {
    failures += 1;
    if (failures >= 2) {
      connection.textContent = connection.dataset.lost;
    }
  };

  const disconnect = () => {
    window.clearTimeout(pollTimer);
    if (stream !== null) {
      stream.close();
      stream = null;
    }
  };

  const poll = async () => {
    try {
      const response = await fetch(live.dataset.poll, {
        headers: { Accept: "application/json", "X-Lectern-Live": "1" },
      });
      if (response.status === 401) {
        window.location.reload();
        return;
      }
      if (!response.ok) {
        throw new Error(String(response.status));
      }
      applyUpdate(await response.json());
    } catch {
      onConnectionError();
    }
    // Stop polling when a stream has been opened meanwhile or the page is hidden.
    if (stream === null && !document.hidden) {
      pollTimer = window.setTimeout(poll, POLL_MS);
    }
  };

  const startPolling = () => {
    disconnect();
    poll();
    window.setTimeout(() => {
      if (stream === null && !document.hidden) {
        openStream();
      }
    }, RECONNECT_MS);
  };

  const openStream = () => {
    disconnect();
    stream = new EventSource(live.dataset.stream);
    stream.addEventListener("view", (event) => applyUpdate(JSON.parse(event.data)));
    stream.addEventListener("end", () => window.location.reload());
    stream.addEventListener("error", () => {
      onConnectionError();
      if (failures >= 3 || (stream !== null && stream.readyState === EventSource.CLOSED)) {
        startPolling();
      }
    });
  };

  // A browser limits the connections per site, so a hidden page closes its stream.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      disconnect();
    } else {
      openStream();
    }
  });
  window.addEventListener("pagehide", disconnect);

  if (!document.hidden) {
    openStream();
  }
})();
