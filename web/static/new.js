// The New video page: selection, uploads, preflight of each pair, and creation of the jobs.

import { csrfHeaders, formatText, request } from "./api.js";
import { runPreflight } from "./preflight.js";
import "./thumbnails.js";
import { hasActiveUploads, startUpload } from "./uploads.js";

const page = document.getElementById("new");
const texts = JSON.parse(page.dataset.texts);
const byId = (id) => document.getElementById(id);
const presenters = byId("presenters");
const lectures = byId("lectures");
const pairs = byId("pairs");
const startButton = byId("start");
const startNote = byId("start-note");

// The suffixes of supported files, with their dots.
const suffixes = {
  presenter: page.dataset.presenterSuffixes.split(" "),
  lecture: page.dataset.lectureSuffixes.split(" "),
};

// The selectable files by their unique key: {key, name, element, material, ready, selected}.
// `material` is the reference to the file that the API expects.
const selection = { presenter: new Map(), lecture: new Map() };
const checks = new Map(); // the preflights by pair: {element, wanted}
let busy = false;

const cloneTemplate = (id) => byId(id).content.firstElementChild.cloneNode(true);
const stem = (name) => name.replace(/\.[^.]+$/, "");

const formatTimeLeft = (seconds) => {
  if (seconds === null) {
    return "…";
  }
  return seconds < 90
    ? formatText(texts.left_s, { count: Math.ceil(seconds) })
    : formatText(texts.left_min, { count: Math.ceil(seconds / 60) });
};

// Uploads

const showTransfer = (element, transfer) => {
  const bar = element.querySelector("progress");
  const state = element.querySelector(".state");
  bar.value = transfer.progress;
  bar.hidden = transfer.state === "done" || transfer.state === "rejected";
  element.dataset.state = transfer.state;
  const percent = Math.floor(transfer.progress * 100);
  state.textContent = {
    waiting: texts.waiting,
    sending: formatText(texts.sending, { percent, left: formatTimeLeft(transfer.secondsLeft) }),
    offline: texts.offline,
    done: texts.uploaded,
    rejected: transfer.problem || texts.failed,
  }[transfer.state];
};

const updateEntry = (kind, key, element, transfer) => {
  const entry = selection[kind].get(key);
  showTransfer(element, transfer);
  if (transfer.state === "done" && entry && !entry.ready) {
    entry.ready = true;
    entry.material = { upload: transfer.id };
    const saveButton = element.querySelector(".keep");
    if (saveButton) {
      saveButton.hidden = false;
    }
    updateChecks();
  }
  renderStart();
};

const createEntry = (kind, key, name) => {
  const element = cloneTemplate(kind === "presenter" ? "face-template" : "file-template");
  element.querySelector(kind === "presenter" ? ".face-name" : ".name").textContent = stem(name);
  element.querySelector(".which").textContent = `: ${name}`;
  const entry = { key, name, element, material: null, ready: false, selected: true };
  selection[kind].set(key, entry);
  (kind === "presenter" ? presenters : lectures).append(element);
  const checkbox = element.querySelector("input[type=checkbox]");
  if (checkbox) {
    checkbox.addEventListener("change", () => {
      entry.selected = checkbox.checked;
      updateChecks();
    });
    element.querySelector(".keep").addEventListener("click", () => saveToLibrary(entry));
  }
  return entry;
};

const removeEntry = (kind, entry) => {
  selection[kind].delete(entry.key);
  entry.element.remove();
  updateChecks();
};

const addFile = (kind, file) => {
  if (!suffixes[kind].some((suffix) => file.name.toLowerCase().endsWith(suffix))) {
    showNote(formatText(texts.unsupported_type, { name: file.name }), true);
    return;
  }
  if (file.size > Number(page.dataset.limitGb) * 1e9) {
    showNote(formatText(texts.too_large, { name: file.name, limit: page.dataset.limitGb }), true);
    return;
  }
  const key = `${file.name} ${file.size} ${file.lastModified}`;
  if (selection[kind].has(key)) {
    return;
  }
  discardEarlier(kind, file);
  const entry = createEntry(kind, key, file.name);
  if (kind === "presenter" && file.type.startsWith("image/")) {
    entry.element.querySelector("img").src = URL.createObjectURL(file);
  }
  const transfer = startUpload(file, (updated) => updateEntry(kind, key, entry.element, updated));
  showTransfer(entry.element, transfer);
  entry.element.querySelector(".remove").addEventListener("click", () => {
    transfer.cancel().catch(() => {});
    removeEntry(kind, entry);
  });
  showNote("");
  renderStart();
};

// Uploads from an earlier visit: complete files can be used again, incomplete ones can be resumed.
const earlierUploads = new Map();

const deleteUpload = (id) => fetch(`/api/v1/uploads/${id}`, {
  method: "DELETE",
  headers: { ...csrfHeaders, "Tus-Resumable": "1.0.0" },
});

const restoreUploads = async () => {
  for (const upload of (await request("GET", "/uploads")).uploads) {
    const kind = upload.kind === "presenter" ? "presenter" : "lecture";
    const entry = createEntry(kind, upload.id, upload.name);
    const complete = upload.offset === upload.length;
    const name = `${kind} ${upload.name} ${upload.length}`;
    earlierUploads.set(name, { entry, complete, id: upload.id });
    entry.element.querySelector(".remove").addEventListener("click", () => {
      removeEntry(kind, entry);
      deleteUpload(upload.id).catch(() => {});
    });
    if (complete) {
      updateEntry(kind, upload.id, entry.element, { state: "done", progress: 1, id: upload.id });
    } else {
      const progress = upload.offset / upload.length;
      entry.selected = false;
      entry.element.dataset.state = "incomplete";
      entry.element.querySelector("progress").value = progress;
      entry.element.querySelector(".state").textContent =
        formatText(texts.resume, { percent: Math.floor(progress * 100) });
    }
  }
};

// When the same file is chosen again, an incomplete upload resumes. A complete one is replaced,
// because the file may have changed.
const discardEarlier = (kind, file) => {
  const name = `${kind} ${file.name.normalize("NFC")} ${file.size}`;
  const upload = earlierUploads.get(name);
  if (upload) {
    earlierUploads.delete(name);
    removeEntry(kind, upload.entry);
    if (upload.complete) {
      deleteUpload(upload.id).catch(() => {});
    }
  }
};

const saveToLibrary = async (entry) => {
  const button = entry.element.querySelector(".keep");
  button.disabled = true;
  try {
    const saved = await request("POST", "/presenters", { upload: entry.material.upload });
    entry.material = { library: saved.name };
    button.hidden = true;
    entry.element.querySelector(".remove").hidden = true;
    entry.element.querySelector(".state").textContent = texts.saved;
    updateChecks();
  } catch (error) {
    showNote(error.message, true);
    button.disabled = false;
  }
};

// Preflight

const selectedOptions = () => {
  const values = {};
  for (const name of ["speed", "amplitude", "face"]) {
    if (byId(name).value !== "") {
      values[name] = Number(byId(name).value);
    }
  }
  if (byId("personalization").value !== "") {
    values.personalization = byId("personalization").value;
  }
  return values;
};

const selectedEntries = (kind) => [...selection[kind].values()].filter((entry) => entry.selected);

const updateChecks = () => {
  const pairsNow = new Map();
  for (const lecture of selectedEntries("lecture").filter((entry) => entry.ready)) {
    for (const presenter of selectedEntries("presenter").filter((entry) => entry.ready)) {
      const key = JSON.stringify([presenter.material, lecture.material, selectedOptions()]);
      pairsNow.set(key, [presenter, lecture]);
    }
  }
  for (const [key, check] of checks) {
    if (!pairsNow.has(key)) {
      check.wanted = false;
      check.element.remove();
      checks.delete(key);
    }
  }
  for (const [key, [presenter, lecture]] of pairsNow) {
    if (!checks.has(key)) {
      const check = { element: cloneTemplate("pair-template"), wanted: true };
      checks.set(key, check);
      pairs.append(check.element);
      const name = `${stem(lecture.name)} · ${stem(presenter.name)}`;
      const presenterImage = presenter.element.querySelector("img");
      const material = { presenter: presenter.material, lecture: lecture.material };
      runPreflight(check, name, presenterImage, { ...material, options: selectedOptions() });
    }
  }
  byId("check-empty").hidden = pairsNow.size > 0;
  renderStart();
};

// Creating the jobs

const showNote = (text, bad = false) => {
  startNote.textContent = text;
  startNote.classList.toggle("wrong", bad);
};

const renderStart = () => {
  const chosenPresenters = selectedEntries("presenter");
  const chosenLectures = selectedEntries("lecture");
  const count = chosenPresenters.length * chosenLectures.length;
  const waiting = [...chosenPresenters, ...chosenLectures].some((entry) => !entry.ready);
  startButton.disabled = busy || count === 0 || waiting;
  if (count === 0) {
    startButton.textContent = texts.start_none;
  } else if (waiting) {
    startButton.textContent = texts.start_wait;
  } else {
    startButton.textContent =
      count === 1 ? texts.start_one : formatText(texts.start_many, { count });
  }
};

startButton.addEventListener("click", async () => {
  busy = true;
  renderStart();
  try {
    await request("POST", "/jobs", {
      presenters: selectedEntries("presenter").map((entry) => entry.material),
      lectures: selectedEntries("lecture").map((entry) => entry.material),
      options: selectedOptions(),
    });
    showNote(texts.started);
    window.location.assign("/");
  } catch (error) {
    busy = false;
    showNote(error.message || texts.failed, true);
    renderStart();
  }
});

// Choosing and dropping files

for (const checkbox of presenters.querySelectorAll("input[type=checkbox]")) {
  const element = checkbox.closest("li");
  const entry = {
    key: `library ${checkbox.value}`,
    name: checkbox.value,
    element,
    material: { library: checkbox.value },
    ready: true,
    selected: checkbox.checked,
  };
  selection.presenter.set(entry.key, entry);
  checkbox.addEventListener("change", () => {
    entry.selected = checkbox.checked;
    updateChecks();
  });
}

for (const [id, kind] of [["presenter-files", "presenter"], ["lecture-files", "lecture"]]) {
  const input = byId(id);
  input.addEventListener("change", () => {
    [...input.files].forEach((file) => addFile(kind, file));
    input.value = "";
  });
}

for (const dropZone of document.querySelectorAll(".drop")) {
  dropZone.addEventListener("dragover", (event) => {
    event.preventDefault();
    dropZone.classList.add("over");
  });
  dropZone.addEventListener("dragleave", () => dropZone.classList.remove("over"));
  dropZone.addEventListener("drop", (event) => {
    event.preventDefault();
    dropZone.classList.remove("over");
    [...event.dataTransfer.files].forEach((file) => addFile(dropZone.dataset.drop, file));
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
  addFile("lecture", new File([text], `${title}.txt`, { type: "text/plain" }));
  byId("typed-text").value = "";
  byId("typed-title").value = "";
  byId("typed").open = false;
});

for (const name of ["speed", "amplitude", "face"]) {
  byId(name).addEventListener("change", updateChecks);
}

window.addEventListener("beforeunload", (event) => {
  if (hasActiveUploads()) {
    event.preventDefault();
  }
});

restoreUploads().catch(() => {});
renderStart();
