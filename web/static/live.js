// Live updates of the home page: server-sent events, or polling every few seconds when the stream
// fails.
"use strict";

(() => {
  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  const POLL_MS = 5000;
  const AGAIN_MS = 30000;
  const RENEW_AFTER_MS = 3000;
  let stream = null;
  let timer = 0;
  let failures = 0;

  const show = (name, value) => {
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

  const replace = (html) => {
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

  const take = (news) => {
    // The user, role or language has changed since the page was loaded. The delay prevents a reload
    // loop.
    if (news.reader !== live.dataset.reader && performance.now() > RENEW_AFTER_MS) {
      window.location.reload();
      return;
    }
    if (news.html !== undefined) {
      replace(news.html);
    }
    for (const [name, value] of Object.entries(news.tick)) {
      show(name, value);
    }
    failures = 0;
    connection.textContent = "";
  };

  const lost = () => {
    failures += 1;
    if (failures >= 2) {
      connection.textContent = connection.dataset.lost;
    }
  };

  const stop = () => {
    window.clearTimeout(timer);
    if (stream !== null) {
      stream.close();
      stream = null;
    }
  };

  const poll = async () => {
    try {
      const answer = await fetch(live.dataset.poll, {
        headers: { Accept: "application/json", "X-Lectern-Live": "1" },
      });
      if (answer.status === 401) {
        window.location.reload();
        return;
      }
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      take(await answer.json());
    } catch {
      lost();
    }
    // Stop polling when a stream has been opened meanwhile or the page is hidden.
    if (stream === null && !document.hidden) {
      timer = window.setTimeout(poll, POLL_MS);
    }
  };

  const fallBack = () => {
    stop();
    poll();
    window.setTimeout(() => {
      if (stream === null && !document.hidden) {
        follow();
      }
    }, AGAIN_MS);
  };

  const follow = () => {
    stop();
    stream = new EventSource(live.dataset.stream);
    stream.addEventListener("view", (event) => take(JSON.parse(event.data)));
    stream.addEventListener("end", () => window.location.reload());
    stream.addEventListener("error", () => {
      lost();
      if (failures >= 3 || (stream !== null && stream.readyState === EventSource.CLOSED)) {
        fallBack();
      }
    });
  };

  // A browser limits the connections per site, so a hidden page closes its stream.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stop();
    } else {
      follow();
    }
  });
  window.addEventListener("pagehide", stop);

  if (!document.hidden) {
    follow();
  }
})();
