// Preflight and preview of a presenter and a lecture before the job is created.

import { answerTo, ask, clock, fill } from "./api.js";

const QUIET_DB = -40; // the device warns below this level
const texts = JSON.parse(document.getElementById("new").dataset.texts);

const span = (seconds) => {
  if (seconds < 55) {
    return texts.under_a_minute;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 60
    ? fill(texts.minutes, { minutes })
    : fill(texts.hours, { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
};

const verdict = (look, level, text) => {
  const tag = look.element.querySelector(".verdict");
  tag.className = `tag verdict ${level}`;
  tag.textContent = text;
};

// Request a preflight of the pair `request` and show the result in `look.element`. `face` is the
// presenter's image elsewhere on the page. Nothing is shown once `look.wanted` is false.
export const lookAt = async (look, name, face, request) => {
  const { element } = look;
  element.querySelector(".name").textContent = name;
  element.querySelector("img").src = face.src;
  verdict(look, "", texts.looking);
  try {
    const { id } = await ask("POST", "/preflights", request);
    const errand = await answerTo(id, { stillWanted: () => look.wanted });
    if (!look.wanted) {
      return;
    }
    if (errand === null) {
      verdict(look, "warn", texts.daemon);
    } else {
      tell(look, errand, face);
      offerPreview(look, request, errand);
    }
  } catch (error) {
    verdict(look, "bad", error.message || texts.failed);
  }
};

const tell = (look, errand, face) => {
  const { element } = look;
  if (errand.state === "failed") {
    verdict(look, "bad", texts.not_possible);
    listed(element.querySelector(".warnings"), [`${errand.reason.text} ${errand.reason.cure}`]);
    return;
  }
  const found = errand.result;
  if (errand.file) {
    element.querySelector("img").src = errand.file;
    face.src = errand.file;
  }
  const known = (value) => value !== null && value !== undefined;
  const facts = [];
  if (found.face_found === false) {
    facts.push(texts.no_face);
  } else if (known(found.coverage)) {
    facts.push(fill(texts.face, { percent: Math.round(found.coverage * 100) }));
  }
  if (known(found.yaw_deg)) {
    const degrees = Math.round(Math.abs(found.yaw_deg));
    facts.push(degrees < 10 ? texts.frontal : fill(texts.yaw, { degrees }));
  }
  if (known(found.width)) {
    const fps = known(found.fps) ? Math.round(found.fps * 100) / 100 : "–";
    facts.push(fill(texts.picture, { width: found.width, height: found.height, fps }));
  }
  if (known(found.lecture_s)) {
    facts.push(fill(texts.length, { time: clock(found.lecture_s) }));
  }
  if (known(found.level_db)) {
    const db = String(Math.round(found.level_db)).replace("-", "−");
    facts.push(fill(found.level_db < QUIET_DB ? texts.quiet : texts.level, { db }));
  }
  if (known(found.estimated_s)) {
    facts.push(fill(texts.estimate, { time: span(found.estimated_s) }));
  } else if (known(found.lecture_s)) {
    facts.push(texts.no_estimate);
  }
  if (known(found.estimated_mb)) {
    facts.push(fill(texts.size, { size: Math.max(1, Math.round(found.estimated_mb)) }));
  }
  listed(element.querySelector(".facts"), facts);
  listed(element.querySelector(".warnings"), errand.warnings.map((warning) => warning.text));
  const fine = found.face_found !== false && errand.warnings.length === 0;
  verdict(look, fine ? "good" : "warn", fine ? texts.ready : texts.look_twice);
};

const listed = (list, lines) => {
  list.replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
};

const offerPreview = (look, request, errand) => {
  if (errand.state !== "done" || errand.result.face_found === false) {
    return;
  }
  const row = look.element.querySelector(".preview-row");
  const moment = row.querySelector("input");
  const button = row.querySelector("button");
  const state = look.element.querySelector(".preview-state");
  const video = look.element.querySelector("video");
  moment.max = Math.max(0, Math.floor((errand.result.lecture_s || 3) - 3));
  moment.disabled = Number(moment.max) === 0;
  moment.addEventListener("input", () => {
    row.querySelector("output").textContent = clock(moment.value);
  });
  row.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    state.textContent = texts.previewing;
    try {
      const { id } = await ask("POST", "/previews", { ...request, at_s: Number(moment.value) });
      const answer = await answerTo(id, { patience: 60000, stillWanted: () => look.wanted });
      if (answer === null) {
        state.textContent = texts.daemon;
      } else if (answer.state === "failed") {
        state.textContent = `${answer.reason.text} ${answer.reason.cure}`;
      } else {
        state.textContent = "";
        video.src = answer.file;
        video.hidden = false;
        video.play().catch(() => {});
      }
    } catch (error) {
      state.textContent = error.message || texts.failed;
    }
    button.disabled = false;
  });
};
