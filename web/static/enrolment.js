// What was learned from a presenter, learning, and the recording from which is learned.

import { formatText, request, waitForTask } from "./api.js";
import { startUpload } from "./uploads.js";

const byId = (id) => document.getElementById(id);
const page = byId("enrolment");
const texts = JSON.parse(page.dataset.texts);
const path = `/presenters/${encodeURIComponent(page.dataset.presenter)}`;
const learnButton = byId("learn");
const uploadState = byId("upload-state");
const suffixes = page.dataset.suffixes.split(" ");
const limitGb = Number(page.dataset.limitGb);

const fillList = (list, lines) => {
  list.replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
};

const showResult = (outcome, facts = [], advice = []) => {
  byId("outcome").textContent = outcome;
  fillList(byId("facts"), facts);
  fillList(byId("advice"), advice);
};

// Request what was learned, and learn now if `learn` is true.
const enrol = async (learn) => {
  learnButton.disabled = true;
  showResult(learn ? texts.learning : texts.asking);
  try {
    const { id } = await request("POST", `${path}/enrolment`, { learn });
    const task = await waitForTask(id);
    if (task === null) {
      showResult(texts.unavailable);
    } else if (task.state === "failed") {
      showResult(`${task.reason.text} ${task.reason.cure}`);
    } else {
      showResult(task.result.outcome, task.result.facts, task.result.advice);
    }
  } catch (error) {
    showResult(error.message || texts.failed);
  }
  learnButton.disabled = false;
};

const keepRecording = async (transfer) => {
  try {
    await request("POST", `${path}/recording`, { upload: transfer.id });
    uploadState.textContent = "";
    byId("has-recording").hidden = false;
    await enrol(true);
  } catch (error) {
    uploadState.textContent = error.message || texts.failed;
  }
};

const onUploadChange = (transfer) => {
  if (transfer.state === "done") {
    keepRecording(transfer);
  } else if (transfer.state === "rejected") {
    uploadState.textContent = transfer.problem || texts.failed;
  } else if (transfer.state === "offline") {
    uploadState.textContent = texts.offline;
  } else {
    const percent = Math.floor(transfer.progress * 100);
    uploadState.textContent = formatText(texts.sending, { percent });
  }
};

const addRecording = (file) => {
  const name = file.name.toLowerCase();
  if (!suffixes.some((suffix) => name.endsWith(suffix))) {
    uploadState.textContent = formatText(texts.unsupported_type, { name: file.name });
  } else if (file.size > limitGb * 1e9) {
    uploadState.textContent = formatText(texts.too_large, { name: file.name, limit: limitGb });
  } else {
    startUpload(file, onUploadChange);
  }
};

byId("recording-file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) {
    addRecording(file);
  }
  event.target.value = "";
});

byId("remove").addEventListener("click", async () => {
  try {
    await request("DELETE", `${path}/recording`);
    byId("has-recording").hidden = true;
    await enrol(false);
  } catch (error) {
    uploadState.textContent = error.message || texts.failed;
  }
});

learnButton.addEventListener("click", () => enrol(true));
enrol(false);
