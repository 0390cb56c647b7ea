// Resumable uploads to the device: in chunks with a checksum each, three files at a time. After a
// lost connection or a closed tab, an upload resumes at the offset that the device reports.

import { csrfHeaders } from "./api.js";

const CHUNK_BYTES = 4 << 20;
const MAX_CONCURRENT = 3;
const RETRY_MS = 5000;
// An upload is not retried after a response with one of these status codes.
const FATAL_STATUS = new Set([400, 401, 403, 404, 412, 413, 415, 429, 507]);

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) {
    value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return value;
});

// CRC-32, base64-encoded as the device expects it. Browsers offer SHA only on HTTPS pages.
const crc32 = async (chunk) => {
  const bytes = new Uint8Array(await chunk.arrayBuffer());
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i += 1) {
    value = CRC_TABLE[(value ^ bytes[i]) & 255] ^ (value >>> 8);
  }
  value = (value ^ 0xffffffff) >>> 0;
  const digest = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
  return btoa(String.fromCharCode(...digest));
};

// The default HTTP stack of tus-js-client with a checksum header on each chunk.
class ChecksumHttpStack {
  constructor() {
    this.inner = new window.tus.DefaultHttpStack();
  }

  createRequest(method, url) {
    const request = this.inner.createRequest(method, url);
    if (method === "PATCH") {
      const send = request.send.bind(request);
      request.send = async (body) => {
        request.setHeader("Upload-Checksum", `crc32 ${await crc32(body)}`);
        return send(body);
      };
    }
    return request;
  }

  getName() {
    return "checksum";
  }
}

const httpStatus = (error) =>
  (error && error.originalResponse ? error.originalResponse.getStatus() : 0);

const errorText = (error) => {
  try {
    const problem = JSON.parse(error.originalResponse.getBody());
    return `${problem.text} ${problem.cure}`;
  } catch {
    return "";
  }
};

// One file upload. `onChange(transfer)` is called whenever `state` (waiting, sending, offline,
// done, rejected), `progress` (0 to 1), `secondsLeft` (null if unknown), `id` or `problem`
// changes.
export class Transfer {
  constructor(file, onChange) {
    this.file = file;
    this.state = "waiting";
    this.progress = 0;
    this.secondsLeft = null;
    this.id = null;
    this.problem = "";
    this.onChange = onChange;
    this.speedStart = null;
    this.cancelled = false;
    this.upload = new window.tus.Upload(file, {
      endpoint: "/api/v1/uploads",
      chunkSize: CHUNK_BYTES,
      retryDelays: [0, 500, 1000, 2000, 4000],
      headers: csrfHeaders,
      metadata: { filename: file.name },
      httpStack: new ChecksumHttpStack(),
      removeFingerprintOnSuccess: true,
      onShouldRetry: (error) => !FATAL_STATUS.has(httpStatus(error)),
      onProgress: (sent, total) => this.onProgress(sent, total),
      onSuccess: () => this.onSuccess(),
      onError: (error) => this.onError(error),
    });
  }

  setState(state) {
    this.state = state;
    this.onChange(this);
  }

  async start() {
    const [earlier] = await this.upload.findPreviousUploads();
    if (earlier) {
      this.upload.resumeFromPreviousUpload(earlier);
    }
    if (!this.cancelled) {
      this.setState("sending");
      this.upload.start();
    }
  }

  onProgress(sent, total) {
    const now = performance.now();
    if (this.speedStart === null) {
      this.speedStart = { at: now, sent };
    }
    const elapsedMs = now - this.speedStart.at;
    const bytesPerMs = (sent - this.speedStart.sent) / Math.max(1, elapsedMs);
    this.secondsLeft =
      elapsedMs > 2000 && bytesPerMs > 0 ? (total - sent) / bytesPerMs / 1000 : null;
    this.progress = total ? sent / total : 0;
    this.setState("sending");
  }

  onSuccess() {
    this.id = this.upload.url.split("/").pop();
    this.progress = 1;
    this.setState("done");
    startNext();
  }

  onError(error) {
    if (this.cancelled) {
      return;
    }
    if (FATAL_STATUS.has(httpStatus(error))) {
      this.problem = errorText(error);
      this.setState("rejected");
      startNext();
      return;
    }
    this.speedStart = null;
    this.setState("offline");
    window.setTimeout(() => {
      if (!this.cancelled) {
        this.upload.start();
      }
    }, RETRY_MS);
  }

  // Cancel the upload and delete it from the device.
  async cancel() {
    this.cancelled = true;
    const url = this.upload.url;
    await this.upload.abort();
    queue.splice(0, queue.length, ...queue.filter((other) => other !== this));
    startNext();
    if (url) {
      await fetch(url, { method: "DELETE", headers: { ...csrfHeaders, "Tus-Resumable": "1.0.0" } });
    }
  }
}

const queue = [];
const activeTransfers = () =>
  queue.filter(({ state }) => state === "sending" || state === "offline");

const startNext = () => {
  const free = MAX_CONCURRENT - activeTransfers().length;
  const waiting = queue.filter(({ state }) => state === "waiting");
  for (const transfer of waiting.slice(0, Math.max(0, free))) {
    transfer.state = "sending";
    transfer.start();
  }
};

// Queue a file for upload and return its Transfer.
export const startUpload = (file, onChange) => {
  const transfer = new Transfer(file, onChange);
  queue.push(transfer);
  startNext();
  return transfer;
};

export const hasActiveUploads = () => activeTransfers().length > 0;
