import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { watch, type FSWatcher } from 'chokidar';
import type { Logger } from 'pino';
import { readConfig, type ConfigEntry } from './config-entries';
import type { ConfigFault } from './config-text';

export interface ConfigState {
  file: string;
  /** False when there is no such file, which is fine: all servers come over REST then. */
  exists: boolean;
  /** When the entries in force were read. */
  loadedAt: Date | null;
  /** What is wrong with the file as it is now; entries that were good before stay in force. */
  faults: ConfigFault[];
}

/** Editors write in several steps; after this long without another one the file is read. */
const DEBOUNCE_MS = 60;

/** The servers' file, read at start and at every change. What was good stays in force while the file is broken. */
export class ConfigFile {
  readonly state: ConfigState;
  private readonly entries = new Map<string, ConfigEntry>();
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    path: string,
    private readonly environment: Readonly<Record<string, string | undefined>>,
    private readonly logger: Logger,
    private readonly onEntries: (entries: ConfigEntry[]) => void,
    /** Called after the file was read again. */
    private readonly onReload: (state: ConfigState) => void = () => undefined,
  ) {
    this.state = { file: resolve(path), exists: false, loadedAt: null, faults: [] };
  }

  async start(): Promise<void> {
    await this.load();
    const { file } = this.state;
    // The folder is watched: a file that is replaced by a rename is another file.
    this.watcher = watch(dirname(file), {
      depth: 0,
      ignoreInitial: true,
      ignored: (path) => path !== dirname(file) && basename(path) !== basename(file),
    });
    this.watcher.on('all', () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.reading = this.reading.then(() => this.load()).then(() => this.onReload(this.state));
      }, DEBOUNCE_MS);
    });
    this.watcher.on('error', (error) => this.logger.warn({ err: error }, 'the configuration file cannot be watched'));
    await new Promise<void>((done) => this.watcher?.once('ready', done));
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    await this.watcher?.close();
    await this.reading;
  }

  private async load(): Promise<void> {
    const { file } = this.state;
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.state.exists = code !== 'ENOENT';
      if (code === 'ENOENT') this.take([], []);
      else this.refuse([{ file, message: `The file cannot be read: ${message}` }]);
      return;
    }
    this.state.exists = true;
    const reading = readConfig(file, text, this.environment);
    if ('message' in reading) {
      this.refuse([reading]);
      return;
    }
    // A server whose entry is broken keeps its last good one.
    const kept = reading.faults.flatMap(({ slug }) => (slug === undefined ? [] : [this.entries.get(slug)]));
    const known = new Set(reading.entries.map(({ slug }) => slug));
    const last = new Map(kept.flatMap((entry) => (entry && !known.has(entry.slug) ? [[entry.slug, entry]] : [])));
    this.take([...reading.entries, ...last.values()], reading.faults);
  }

  private take(entries: ConfigEntry[], faults: ConfigFault[]): void {
    this.entries.clear();
    for (const entry of entries) this.entries.set(entry.slug, entry);
    this.state.loadedAt = new Date();
    this.refuse(faults);
    this.onEntries(entries);
  }

  private refuse(faults: ConfigFault[]): void {
    this.state.faults = faults;
    for (const { file, line, column, message } of faults)
      this.logger.error({ file, line, column }, `configuration: ${message}`);
  }
}
