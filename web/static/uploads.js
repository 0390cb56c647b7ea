// Resumable uploads to the device: in chunks with a checksum each, three files at a time. After a
// lost connection or a closed tab, an upload resumes at the offset that the device reports.

import { csrf } from "./api.js";

const PIECE = 4 << 20;
const AT_ONCE = 3;
const AGAIN_MS = 5000;
const REFUSED = new Set([400, 401, 403, 404, 412, 413, 415, 429, 507]);

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) {
    value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return value;
});

// CRC-32, base64-encoded as the device expects it. Browsers offer SHA only on HTTPS pages.
const crc32 = async (piece) => {
  const bytes = new Uint8Array(await piece.arrayBuffer());
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i += 1) {
    value = table[(value ^ bytes[i]) & 255] ^ (value >>> 8);
  }
  value = (value ^ 0xffffffff) >>> 0;
  return btoa(String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255));
};

class CheckedStack {
  constructor() {
    this.plain = new window.tus.DefaultHttpStack();
  }

  createRequest(method, url) {
    const request = this.plain.createRequest(method, url);
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
    return "checked";
  }
}

const statusOf = (error) =>
  (error && error.originalResponse ? error.originalResponse.getStatus() : 0);

const refusalOf = (error) => {
  try {
    const problem = JSON.parse(error.originalResponse.getBody());
    return `${problem.text} ${problem.cure}`;
  } catch {
    return "";
  }
};

// One file upload. `changed(transfer)` is called whenever `state` (waiting, sending, offline, here,
// refused), `share` (0 to 1), `leftS` (seconds left or null), `id` or `problem` changes.
export class Transfer {
  constructor(file, changed) {
    this.file = file;
    this.state = "waiting";
    this.share = 0;
    this.leftS = null;
    this.id = null;
    this.problem = "";
    this.changed = changed;
    this.begun = null;
    this.given = false;
    this.upload = new window.tus.Upload(file, {
      endpoint: "/api/v1/uploads",
      chunkSize: PIECE,
      retryDelays: [0, 500, 1000, 2000, 4000],
      headers: csrf,
      metadata: { filename: file.name },
      httpStack: new CheckedStack(),
      removeFingerprintOnSuccess: true,
      onShouldRetry: (error) => !REFUSED.has(statusOf(error)),
      onProgress: (sent, total) => this.moved(sent, total),
      onSuccess: () => this.arrived(),
      onError: (error) => this.failed(error),
    });
  }

  set(state) {
    this.state = state;
    this.changed(this);
  }

  async start() {
    const [earlier] = await this.upload.findPreviousUploads();
    if (earlier) {
      this.upload.resumeFromPreviousUpload(earlier);
    }
    if (!this.given) {
      this.set("sending");
      this.upload.start();
    }
  }

  moved(sent, total) {
    const now = Date.now();
    if (this.begun === null) {
      this.begun = { at: now, sent };
    }
    const speed = (sent - this.begun.sent) / Math.max(1, now - this.begun.at);
    this.leftS = now - this.begun.at > 2000 && speed > 0 ? (total - sent) / speed / 1000 : null;
    this.share = total ? sent / total : 0;
    this.set("sending");
  }

  arrived() {
    this.id = this.upload.url.split("/").pop();
    this.share = 1;
    this.set("here");
    next();
  }

  failed(error) {
    if (this.given) {
      return;
    }
    if (REFUSED.has(statusOf(error))) {
      this.problem = refusalOf(error);
      this.set("refused");
      next();
      return;
    }
    this.begun = null;
    this.set("offline");
    window.setTimeout(() => {
      if (!this.given) {
        this.upload.start();
      }
    }, AGAIN_MS);
  }

  // Cancel the upload and delete it from the device.
  async giveUp() {
    this.given = true;
    const known = this.upload.url;
    await this.upload.abort();
    queue.splice(0, queue.length, ...queue.filter((other) => other !== this));
    next();
    if (known) {
      await fetch(known, { method: "DELETE", headers: { ...csrf, "Tus-Resumable": "1.0.0" } });
    }
  }
}

const queue = [];
const moving = () => queue.filter((one) => one.state === "sending" || one.state === "offline");

const next = () => {
  const free = AT_ONCE - moving().length;
  queue.filter((one) => one.state === "waiting").slice(0, Math.max(0, free)).forEach((one) => {
    one.state = "sending";
    one.start();
  });
};

export const send = (file, changed) => {
  const transfer = new Transfer(file, changed);
  queue.push(transfer);
  next();
  return transfer;
};

export const anyMoving = () => moving().length > 0;
