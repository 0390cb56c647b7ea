// The New video page: selection, uploads, preflight of each pair, and creation of the jobs.

import { ask, csrf, fill } from "./api.js";
import { lookAt } from "./look.js";
import "./pictures.js";
import { anyMoving, send } from "./uploads.js";

const page = document.getElementById("new");
const texts = JSON.parse(page.dataset.texts);
const byId = (id) => document.getElementById(id);
const presenters = byId("presenters");
const lectures = byId("lectures");
const pairs = byId("pairs");
const start = byId("start");
const note = byId("start-note");

const PRESENTER = /\.(mp4|m4v|mov|mkv|webm|avi|flv|ts|mts|m2ts|mpg|mpeg|wmv|3gp|mxf|dv|gif|jpe?g|png|bmp|webp|tiff?|hei[cf]|avif)$/i;
const LECTURE = /\.(wav|mp3|m4a|aac|flac|ogg|oga|opus|wma|aiff?|amr|caf|w64|ac3|mka|txt|md|docx)$/i;

// The selectable files by their unique key: {key, name, element, material, ready, on}.
const chosen = { presenter: new Map(), lecture: new Map() };
const looks = new Map(); // the preflights by pair: {element, wanted}
let busy = false;

const copy = (id) => byId(id).content.firstElementChild.cloneNode(true);
const stem = (name) => name.replace(/\.[^.]+$/, "");

const leftInWords = (seconds) => {
  if (seconds === null) {
    return "…";
  }
  return seconds < 90
    ? fill(texts.left_s, { count: Math.ceil(seconds) })
    : fill(texts.left_min, { count: Math.ceil(seconds / 60) });
};

// Uploads

const show = (element, transfer) => {
  const bar = element.querySelector("progress");
  const state = element.querySelector(".state");
  bar.value = transfer.share;
  bar.hidden = transfer.state === "here" || transfer.state === "refused";
  element.dataset.state = transfer.state;
  const percent = Math.floor(transfer.share * 100);
  state.textContent = {
    waiting: texts.waiting,
    sending: fill(texts.sending, { percent, left: leftInWords(transfer.leftS) }),
    offline: texts.offline,
    here: texts.here,
    refused: transfer.problem || texts.failed,
  }[transfer.state];
};

const give = (kind, key, element, transfer) => {
  const entry = chosen[kind].get(key);
  show(element, transfer);
  if (transfer.state === "here" && entry && !entry.ready) {
    entry.ready = true;
    entry.material = { upload: transfer.id };
    const keep = element.querySelector(".keep");
    if (keep) {
      keep.hidden = false;
    }
    review();
  }
  renderStart();
};

const newEntry = (kind, key, name) => {
  const element = copy(kind === "presenter" ? "face-template" : "file-template");
  element.querySelector(kind === "presenter" ? ".face-name" : ".name").textContent = stem(name);
  element.querySelector(".which").textContent = `: ${name}`;
  const entry = { key, name, element, material: null, ready: false, on: true };
  chosen[kind].set(key, entry);
  (kind === "presenter" ? presenters : lectures).append(element);
  const box = element.querySelector("input[type=checkbox]");
  if (box) {
    box.addEventListener("change", () => {
      entry.on = box.checked;
      review();
    });
    element.querySelector(".keep").addEventListener("click", () => keepInLibrary(entry));
  }
  return entry;
};

const leave = (kind, entry) => {
  chosen[kind].delete(entry.key);
  entry.element.remove();
  review();
};

const add = (kind, file) => {
  const fits = kind === "presenter" ? PRESENTER : LECTURE;
  if (!fits.test(file.name)) {
    say(fill(texts.unknown_kind, { name: file.name }), true);
    return;
  }
  if (file.size > Number(page.dataset.limitGb) * 1e9) {
    say(fill(texts.too_large, { name: file.name, limit: page.dataset.limitGb }), true);
    return;
  }
  const key = `${file.name} ${file.size} ${file.lastModified}`;
  if (chosen[kind].has(key)) {
    return;
  }
  replaceEarlier(kind, file);
  const entry = newEntry(kind, key, file.name);
  if (kind === "presenter" && file.type.startsWith("image/")) {
    entry.element.querySelector("img").src = URL.createObjectURL(file);
  }
  const transfer = send(file, (moved) => give(kind, key, entry.element, moved));
  show(entry.element, transfer);
  entry.element.querySelector(".drop-it").addEventListener("click", () => {
    transfer.giveUp().catch(() => {});
    leave(kind, entry);
  });
  say("");
  renderStart();
};

// Uploads from an earlier visit: complete files can be used again, incomplete ones can be resumed.
const earlier = new Map();

const deleteUpload = (id) => fetch(`/api/v1/uploads/${id}`, {
  method: "DELETE",
  headers: { ...csrf, "Tus-Resumable": "1.0.0" },
});

const recall = async () => {
  for (const upload of (await ask("GET", "/uploads")).uploads) {
    const kind = upload.kind === "presenter" ? "presenter" : "lecture";
    const entry = newEntry(kind, upload.id, upload.name);
    const whole = upload.offset === upload.length;
    earlier.set(`${kind} ${upload.name} ${upload.length}`, { entry, whole, id: upload.id });
    entry.element.querySelector(".drop-it").addEventListener("click", () => {
      leave(kind, entry);
      deleteUpload(upload.id).catch(() => {});
    });
    if (whole) {
      give(kind, upload.id, entry.element, { state: "here", share: 1, id: upload.id });
    } else {
      const share = upload.offset / upload.length;
      entry.on = false;
      entry.element.dataset.state = "half";
      entry.element.querySelector("progress").value = share;
      entry.element.querySelector(".state").textContent =
        fill(texts.resume, { percent: Math.floor(share * 100) });
    }
  }
};

// The same file is chosen again: an incomplete upload resumes. A complete one is replaced, because
// the file may have changed.
const replaceEarlier = (kind, file) => {
  const name = `${kind} ${file.name.normalize("NFC")} ${file.size}`;
  const found = earlier.get(name);
  if (found) {
    earlier.delete(name);
    leave(kind, found.entry);
    if (found.whole) {
      deleteUpload(found.id).catch(() => {});
    }
  }
};

const keepInLibrary = async (entry) => {
  const button = entry.element.querySelector(".keep");
  button.disabled = true;
  try {
    const kept = await ask("POST", "/presenters", { upload: entry.material.upload });
    entry.material = { library: kept.name };
    button.hidden = true;
    entry.element.querySelector(".drop-it").hidden = true;
    entry.element.querySelector(".state").textContent = texts.kept;
    review();
  } catch (error) {
    say(error.message, true);
    button.disabled = false;
  }
};

// Preflight

const options = () => {
  const values = {};
  for (const name of ["speed", "amplitude", "face"]) {
    if (byId(name).value !== "") {
      values[name] = Number(byId(name).value);
    }
  }
  return values;
};

const wanted = (kind) => [...chosen[kind].values()].filter((entry) => entry.on);

const review = () => {
  const now = new Map();
  for (const lecture of wanted("lecture").filter((entry) => entry.ready)) {
    for (const presenter of wanted("presenter").filter((entry) => entry.ready)) {
      const key = JSON.stringify([presenter.material, lecture.material, options()]);
      now.set(key, [presenter, lecture]);
    }
  }
  for (const [key, look] of looks) {
    if (!now.has(key)) {
      look.wanted = false;
      look.element.remove();
      looks.delete(key);
    }
  }
  for (const [key, [presenter, lecture]] of now) {
    if (!looks.has(key)) {
      const look = { element: copy("pair-template"), wanted: true };
      looks.set(key, look);
      pairs.append(look.element);
      const name = `${stem(lecture.name)} · ${stem(presenter.name)}`;
      const face = presenter.element.querySelector("img");
      const material = { presenter: presenter.material, lecture: lecture.material };
      lookAt(look, name, face, { ...material, options: options() });
    }
  }
  byId("check-empty").hidden = now.size > 0;
  renderStart();
};

// Creating the jobs

const say = (text, bad = false) => {
  note.textContent = text;
  note.classList.toggle("wrong", bad);
};

const renderStart = () => {
  const who = wanted("presenter");
  const what = wanted("lecture");
  const count = who.length * what.length;
  const waiting = [...who, ...what].some((entry) => !entry.ready);
  start.disabled = busy || count === 0 || waiting;
  if (count === 0) {
    start.textContent = texts.start_none;
  } else if (waiting) {
    start.textContent = texts.start_wait;
  } else {
    start.textContent = count === 1 ? texts.start_one : fill(texts.start_many, { count });
  }
};

start.addEventListener("click", async () => {
  busy = true;
  renderStart();
  try {
    await ask("POST", "/jobs", {
      presenters: wanted("presenter").map((entry) => entry.material),
      lectures: wanted("lecture").map((entry) => entry.material),
      options: options(),
    });
    say(texts.started);
    window.location.assign("/");
  } catch (error) {
    busy = false;
    say(error.message || texts.failed, true);
    renderStart();
  }
});

// Choosing and dropping files

for (const box of presenters.querySelectorAll("input[type=checkbox]")) {
  const element = box.closest("li");
  const entry = {
    key: `library ${box.value}`,
    name: box.value,
    element,
    material: { library: box.value },
    ready: true,
    on: box.checked,
  };
  chosen.presenter.set(entry.key, entry);
  box.addEventListener("change", () => {
    entry.on = box.checked;
    review();
  });
}

for (const [id, kind] of [["presenter-files", "presenter"], ["lecture-files", "lecture"]]) {
  const input = byId(id);
  input.addEventListener("change", () => {
    [...input.files].forEach((file) => add(kind, file));
    input.value = "";
  });
}

for (const place of document.querySelectorAll(".drop")) {
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    [...event.dataTransfer.files].forEach((file) => add(place.dataset.drop, file));
  });
}

// A file dropped outside the drop zones must not replace the page.
for (const name of ["dragover", "drop"]) {
  window.addEventListener(name, (event) => event.preventDefault());
}

byId("typed-add").addEventListener("click", () => {
  const text = byId("typed-text").value.trim();
  if (!text) {
    byId("typed-text").focus();
    return;
  }
  const title = byId("typed-title").value.trim().replace(/[/\\]/g, "-") || texts.untitled;
  add("lecture", new File([text], `${title}.txt`, { type: "text/plain" }));
  byId("typed-text").value = "";
  byId("typed-title").value = "";
  byId("typed").open = false;
});

for (const name of ["speed", "amplitude", "face"]) {
  byId(name).addEventListener("change", review);
}

window.addEventListener("beforeunload", (event) => {
  if (anyMoving()) {
    event.preventDefault();
  }
});

recall().catch(() => {});
renderStart();
