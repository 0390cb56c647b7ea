// Preflight and preview of a presenter and a lecture before the job is created.

import { formatDuration, formatText, request, waitForTask } from "./api.js";

const QUIET_DB = -40; // the device warns below this level
const texts = JSON.parse(document.getElementById("new").dataset.texts);

const formatEstimate = (seconds) => {
  if (seconds < 55) {
    return texts.under_a_minute;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 60
    ? formatText(texts.minutes, { minutes })
    : formatText(texts.hours, { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
};

const setStatus = (check, level, text) => {
  const tag = check.element.querySelector(".verdict");
  tag.className = `tag verdict ${level}`;
  tag.textContent = text;
};

// Request a preflight of the pair and show the result in `check.element`. `body` is the request
// body; `presenterImage` is the presenter's image elsewhere on the page. Nothing is shown once
// `check.wanted` is false.
export const runPreflight = async (check, name, presenterImage, body) => {
  const { element } = check;
  element.querySelector(".name").textContent = name;
  element.querySelector("img").src = presenterImage.src;
  setStatus(check, "", texts.checking);
  try {
    const { id } = await request("POST", "/preflights", body);
    const task = await waitForTask(id, { isWanted: () => check.wanted });
    if (!check.wanted) {
      return;
    }
    if (task === null) {
      setStatus(check, "warn", texts.unavailable);
    } else {
      showResult(check, task, presenterImage);
      offerPreview(check, body, task);
    }
  } catch (error) {
    setStatus(check, "bad", error.message || texts.failed);
  }
};

const showResult = (check, task, presenterImage) => {
  const { element } = check;
  if (task.state === "failed") {
    setStatus(check, "bad", texts.cannot_start);
    fillList(element.querySelector(".warnings"), [`${task.reason.text} ${task.reason.cure}`]);
    return;
  }
  const result = task.result;
  if (task.file) {
    element.querySelector("img").src = task.file;
    presenterImage.src = task.file;
  }
  const isKnown = (value) => value !== null && value !== undefined;
  const facts = [];
  if (result.face_found === false) {
    facts.push(texts.no_face);
  } else if (isKnown(result.coverage)) {
    const percent = Math.round(result.coverage * 100);
    const error = Math.round((result.coverage_error || 0) * 100);
    facts.push(formatText(error ? texts.coverage_about : texts.coverage, { percent, error }));
  }
  if (isKnown(result.face_px)) {
    const size = { pixels: result.face_px, needed: result.face_needed_px };
    facts.push(formatText(texts.face_size, size));
  }
  if (isKnown(result.yaw_deg)) {
    const degrees = Math.round(Math.abs(result.yaw_deg));
    facts.push(degrees < 10 ? texts.face_frontal : formatText(texts.face_turned, { degrees }));
  }
  if (isKnown(result.width)) {
    const fps = isKnown(result.fps) ? Math.round(result.fps * 100) / 100 : "–";
    facts.push(formatText(texts.resolution, { width: result.width, height: result.height, fps }));
  }
  if (isKnown(result.lecture_s)) {
    facts.push(formatText(texts.length, { time: formatDuration(result.lecture_s) }));
  }
  if (isKnown(result.level_db)) {
    const db = String(Math.round(result.level_db)).replace("-", "−");
    facts.push(formatText(result.level_db < QUIET_DB ? texts.low_volume : texts.good_volume, { db }));
  }
  if (isKnown(result.estimated_s)) {
    facts.push(formatText(texts.estimate, { time: formatEstimate(result.estimated_s) }));
  } else if (isKnown(result.lecture_s)) {
    facts.push(texts.no_estimate);
  }
  if (isKnown(result.estimated_mb)) {
    facts.push(formatText(texts.size, { size: Math.max(1, Math.round(result.estimated_mb)) }));
  }
  fillList(element.querySelector(".facts"), facts);
  fillList(element.querySelector(".warnings"), task.warnings.map((warning) => warning.text));
  const passed = result.face_found !== false && task.warnings.length === 0;
  setStatus(check, passed ? "good" : "warn", passed ? texts.ready : texts.check_recommended);
};

const fillList = (list, lines) => {
  list.replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
};

const offerPreview = (check, body, task) => {
  if (task.state !== "done" || task.result.face_found === false) {
    return;
  }
  const row = check.element.querySelector(".preview-row");
  const startInput = row.querySelector("input");
  const button = row.querySelector("button");
  const state = check.element.querySelector(".preview-state");
  const video = check.element.querySelector("video");
  startInput.max = Math.max(0, Math.floor((task.result.lecture_s || 3) - 3));
  startInput.disabled = Number(startInput.max) === 0;
  startInput.addEventListener("input", () => {
    row.querySelector("output").textContent = formatDuration(startInput.value);
  });
  row.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    state.textContent = texts.previewing;
    try {
      const at_s = Number(startInput.value);
      const { id } = await request("POST", "/previews", { ...body, at_s });
      const preview = await waitForTask(id, { timeoutMs: 60000, isWanted: () => check.wanted });
      if (preview === null) {
        state.textContent = texts.unavailable;
      } else if (preview.state === "failed") {
        state.textContent = `${preview.reason.text} ${preview.reason.cure}`;
      } else {
        state.textContent = "";
        video.src = preview.file;
        video.hidden = false;
        video.play().catch(() => {});
      }
    } catch (error) {
      state.textContent = error.message || texts.failed;
    }
    button.disabled = false;
  });
};
