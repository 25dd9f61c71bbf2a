import type { LogRing } from '../processes/log-ring';
import { ProcessGroup, type LaunchOptions } from '../processes/process-group';
import type { Reaper } from '../processes/reaper';
import { LineReader } from './line-reader';
import type { Pipe } from './pipe.connection';

/** Newline-delimited messages over the stdin and stdout of a child process. */
export class StdioPipe implements Pipe {
  onMessage: (text: string) => void = () => undefined;
  onLost: (reason: string) => void = () => undefined;
  private readonly group: ProcessGroup;

  constructor(options: LaunchOptions, reaper: Reaper, logs: LogRing, maxMessageBytes: number) {
    this.group = new ProcessGroup(options, reaper);
    const { stdout, stderr } = this.group.child;
    const lines = new LineReader(
      maxMessageBytes,
      (line) => this.onMessage(line),
      (bytes) => logs.note(`dropped a line of ${bytes} bytes on stdout, the limit is ${maxMessageBytes}`),
    );
    stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    stderr.on('data', (chunk: Buffer) => logs.write(chunk));
    // A server that closes its stdout cannot answer any more, whether it lives or not.
    stdout.once('end', () => void this.loseSoon(logs));
    void this.group.exited.then((reason) => {
      logs.note(reason);
      this.onLost(reason);
    });
  }

  get pid(): number | undefined {
    return this.group.pid;
  }

  send(text: string): void {
    // A message printed over several lines would be read as several.
    this.group.child.stdin.write(`${text.includes('\n') ? text.replaceAll(/[\r\n]+/g, ' ') : text}\n`);
  }

  close(): Promise<void> {
    return this.group.stop();
  }

  /** Usually the end of stdout is the end of the process; then its exit code says more. */
  private async loseSoon(logs: LogRing): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const closed = await Promise.race([
      this.group.exited.then(() => false),
      new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(true), 100);
      }),
    ]);
    clearTimeout(timer);
    if (!closed) return;
    logs.note('The server closed its stdout');
    this.onLost('The server closed its stdout');
    await this.group.stop();
  }
}
