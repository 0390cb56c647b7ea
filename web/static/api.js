// Requests to the device's HTTP API. Error responses become exceptions with a readable message.

const token = document.querySelector('meta[name="csrf-token"]').content;

export const csrf = { "X-CSRF-Token": token };

export class Refusal extends Error {
  constructor(problem) {
    super([problem.text, problem.cure].filter(Boolean).join(" "));
    this.code = problem.code;
  }
}

export const ask = async (method, path, body) => {
  const headers = { Accept: "application/json", ...csrf };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(`/api/v1${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 204) {
    return null;
  }
  const data = await answer.json();
  if (!answer.ok) {
    throw new Refusal(data);
  }
  return data;
};

export const sleep = (ms) => new Promise((resolve) => {
  window.setTimeout(resolve, ms);
});

// Wait for the result of a preflight or preview. Returns null when the worker is not running or
// when `stillWanted` returns false. While the worker is busy with other tasks, the wait continues.
export const answerTo = async (id, { patience = 20000, stillWanted = () => true } = {}) => {
  let begun = Date.now();
  for (;;) {
    const errand = await ask("GET", `/checks/${id}`);
    if (errand.state === "done" || errand.state === "failed") {
      return errand;
    }
    if (!stillWanted()) {
      return null;
    }
    if (errand.state === "asked" && Date.now() - begun > patience) {
      if (!(await ask("GET", "/box")).at_work) {
        return null;
      }
      begun = Date.now();
    }
    await sleep(600);
  }
};

export const fill = (text, values) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

export const clock = (seconds) => {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const tail = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
};
