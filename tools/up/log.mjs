// What the services say: everything into a bounded file each, what went wrong also on the terminal.
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const FILE_LIMIT = 5 * 1024 * 1024;
const OLD_FILES = 3;
const LINE_LIMIT = 64 * 1024;
const PINO_ERROR = 50;
/** A service in trouble repeats itself; the terminal shows this many lines in ten seconds and the file has the rest. */
const SHOWN_PER_TEN_SECONDS = 20;

/** Appends to `<folder>/<name>.log`, keeping at most three older files of 5 MB beside it. */
class RotatingFile {
  constructor(folder, name) {
    mkdirSync(folder, { recursive: true });
    this.path = join(folder, `${name}.log`);
    this.#open();
  }

  #open() {
    this.fd = openSync(this.path, 'a');
    this.size = fstatSync(this.fd).size;
  }

  write(line) {
    try {
      if (this.size > FILE_LIMIT) this.#rotate();
      this.size += writeSync(this.fd, `${line}\n`);
    } catch {
      // A full disk must not take the services down.
    }
  }

  #rotate() {
    closeSync(this.fd);
    rmSync(`${this.path}.${OLD_FILES}`, { force: true });
    for (let age = OLD_FILES - 1; age >= 0; age--) {
      const from = age === 0 ? this.path : `${this.path}.${age}`;
      if (existsSync(from)) renameSync(from, `${this.path}.${age + 1}`);
    }
    this.#open();
  }
}

/** Takes the output of one service. Lines are pino's JSON or, from Node itself, plain text. */
export class ServiceLog {
  #shown = 0;
  #windowEnd = 0;

  constructor(folder, name, print) {
    this.name = name;
    this.print = print;
    this.file = new RotatingFile(folder, name);
    /** The last complaints, for a service that cannot start. */
    this.complaints = [];
  }

  /** Reads lines from a stream of the child until it ends. */
  follow(stream, isError) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop().slice(-LINE_LIMIT);
      for (const line of lines) if (line.trim() !== '') this.#line(line.slice(0, LINE_LIMIT), isError);
    });
    stream.on('error', () => {});
  }

  #line(line, isError) {
    this.file.write(line);
    const complaint = complaintOf(line, isError);
    if (complaint === undefined) return;
    this.complaints = [...this.complaints, complaint].slice(-20);
    if (Date.now() > this.#windowEnd) {
      this.#windowEnd = Date.now() + 10_000;
      this.#shown = 0;
    }
    this.#shown += 1;
    if (this.#shown <= SHOWN_PER_TEN_SECONDS) this.print(`[${this.name}] ${complaint}`);
    else if (this.#shown === SHOWN_PER_TEN_SECONDS + 1) this.print(`[${this.name}] … more in ${this.file.path}`);
  }
}

/** The text to show of a line that reports an error; undefined for all others. */
function complaintOf(line, isError) {
  if (line.startsWith('{')) {
    try {
      const { level, msg, err } = JSON.parse(line);
      if (typeof level === 'number')
        return level >= PINO_ERROR ? [msg, err?.message].filter(Boolean).join(': ') : undefined;
    } catch {
      // Not pino's.
    }
  }
  return isError ? line : undefined;
}
