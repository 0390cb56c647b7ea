// Requests to the device's HTTP API. Error responses become exceptions with a readable message.

const token = document.querySelector('meta[name="csrf-token"]').content;

export const csrfHeaders = { "X-CSRF-Token": token };

export class ApiError extends Error {
  constructor(problem, status) {
    super([problem.text, problem.cure].filter(Boolean).join(" "));
    this.code = problem.code;
    // The same request may succeed later: the device is busy, or too many requests were sent.
    this.isTemporary = status === 429 || status >= 500;
  }
}

// Send a request with an optional JSON body and return the decoded response, or null for status
// 204. Throws an ApiError when the response reports an error.
export const request = async (method, path, body) => {
  const headers = { Accept: "application/json", ...csrfHeaders };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
  }
  const response = await fetch(`/api/v1${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 204) {
    return null;
  }
  const data = await response.json();
  if (!response.ok) {
    throw new ApiError(data, response.status);
  }
  return data;
};

export const sleep = (ms) => new Promise((resolve) => {
  window.setTimeout(resolve, ms);
});

// Wait until a preflight or preview has ended and return its task. Returns null when `isWanted`
// returns false or when the worker is not running, which is checked every `timeoutMs` while the
// task is queued. While the worker is busy with other tasks, the wait continues.
export const waitForTask = async (id, { timeoutMs = 20000, isWanted = () => true } = {}) => {
  let startedAt = performance.now();
  for (;;) {
    const task = await request("GET", `/checks/${id}`);
    if (task.state === "done" || task.state === "failed") {
      return task;
    }
    if (!isWanted()) {
      return null;
    }
    if (task.state === "pending" && performance.now() - startedAt > timeoutMs) {
      if (!(await request("GET", "/device")).worker_running) {
        return null;
      }
      startedAt = performance.now();
    }
    await sleep(600);
  }
};

// Replace each {name} in `text` by the value of that name.
export const formatText = (text, values) =>
  text.replace(/\{(\w+)\}/g, (match, name) => (name in values ? String(values[name]) : match));

// Format a duration in seconds as m:ss or h:mm:ss.
export const formatDuration = (seconds) => {
  const total = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  const twoDigits = (value) => String(value).padStart(2, "0");
  const tail = twoDigits(total % 60);
  return hours ? `${hours}:${twoDigits(minutes)}:${tail}` : `${minutes}:${tail}`;
};
