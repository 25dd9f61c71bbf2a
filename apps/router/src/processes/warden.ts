import { spawn, type ChildProcess } from 'node:child_process';

/*
 * A router that is killed with -9 cannot clean up. The warden is a POSIX shell in a session of its own that reads the
 * ids of the living groups on stdin; when the pipe ends, the router is gone and the warden ends what is left.
 */
const SCRIPT = `
trap '' HUP INT TERM
mark=$1 cgroups=$2
groups=' '
while IFS= read -r line; do
  case $line in
    +*) groups="$groups\${line#+} " ;;
    -*) gone=" \${line#-} "
        case $groups in *"$gone"*) groups="\${groups%%"$gone"*} \${groups#*"$gone"}" ;; esac ;;
  esac
done
marked() {
  [ -d /proc/self ] || return 0
  for environ in /proc/[0-9]*/environ; do
    if grep -qs "$mark" "$environ"; then pid=\${environ#/proc/}; echo "\${pid%/environ}"; fi
  done
}
for group in $groups; do kill -TERM "-$group"; done
for pid in $(marked); do kill -TERM "$pid"; done
for wait in 1 2 3 4 5 6 7 8 9 10; do
  alive=
  for group in $groups; do if kill -0 "-$group"; then alive=1; fi; done
  [ -n "$alive" ] || break
  sleep 0.1
done
for group in $groups; do kill -KILL "-$group"; done
for pid in $(marked); do kill -KILL "$pid"; done
if [ -n "$cgroups" ]; then
  for group in "$cgroups"*; do [ -d "$group" ] && echo 1 > "$group/cgroup.kill"; done
  sleep 0.2
  rmdir "$cgroups"*
fi
`;

/** Keeps one warden alive and tells it which process groups there are. */
export class Warden {
  private process: ChildProcess | undefined;
  private readonly groups = new Set<number>();
  private closed = false;

  /**
   * @param mark    `NAME=value` that is in the environment of every child of this router
   * @param cgroups what the folders of their groups begin with, if they have any
   */
  constructor(
    private readonly mark: string,
    private readonly cgroups = '',
  ) {}

  get pid(): number | undefined {
    return this.process?.pid;
  }

  add(group: number): void {
    this.groups.add(group);
    if (this.process) this.write(`+${group}\n`);
    else this.start();
  }

  remove(group: number): void {
    if (this.groups.delete(group)) this.write(`-${group}\n`);
  }

  close(): void {
    this.closed = true;
    this.process?.stdin?.end();
  }

  private start(): void {
    if (this.closed || process.platform === 'win32') return;
    const warden = spawn('/bin/sh', ['-c', SCRIPT, 'mcp-router-warden', this.mark, this.cgroups], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    });
    this.process = warden;
    const replace = (): void => {
      if (this.process !== warden) return;
      this.process = undefined;
      // A shell that cannot be started at all is not tried in a tight loop.
      if (!this.closed && this.groups.size > 0) setTimeout(() => !this.process && this.start(), 50).unref();
    };
    warden.once('exit', replace);
    warden.once('error', replace);
    warden.stdin.on('error', () => undefined);
    warden.unref();
    (warden.stdin as unknown as { unref(): void }).unref();
    this.write([...this.groups].map((group) => `+${group}\n`).join(''));
  }

  private write(text: string): void {
    if (text) this.process?.stdin?.write(text);
  }
}
