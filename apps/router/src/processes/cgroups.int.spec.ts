import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@mcp-router/platform/testing';
import { newMark, ODD_SERVER } from '../testing/processes';
import { ask, stdio, upstreamBench } from '../testing/upstream-bench';
import { Cgroups } from './cgroups';
import { Reaper } from './reaper';

/** A folder with the files of a delegated cgroup v2; nothing is enforced by it. */
function fakeTree({ controllers = 'cpuset cpu io memory pids', procs = String(process.pid) } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'cgroup-'));
  const group = join(root, 'unit.service');
  mkdirSync(group);
  const write = (file: string, text: string) => writeFileSync(join(group, file), text);
  write('cgroup.controllers', controllers);
  write('cgroup.subtree_control', '');
  write('cgroup.procs', procs);
  writeFileSync(join(root, 'self'), '4:memory:/old\n0::/unit.service\n');
  return {
    root,
    group,
    place: { root, self: join(root, 'self') },
    read: (...path: string[]) => readFileSync(join(group, ...path), 'utf8'),
    groups: () => readdirSync(group).filter((name) => name.startsWith('mcpr-')),
  };
}

describe('the cgroups of servers', () => {
  let tree: ReturnType<typeof fakeTree>;
  afterEach(() => rmSync(tree.root, { recursive: true, force: true }));

  it('are made below the own group when the router is alone in it, which it leaves to its children', () => {
    tree = fakeTree();
    const cgroups = Cgroups.open('r1', tree.place);
    expect(tree.read('mcp-router', 'cgroup.procs')).toBe(String(process.pid));
    expect(tree.read('cgroup.subtree_control')).toBe('+memory +cpu');
    const cgroup = cgroups?.create({ memoryMb: 150, cpuSeconds: undefined, cpuCores: 0.5 });
    expect(cgroup).toMatchObject({ boundsMemory: true, boundsCpu: true });
    expect(tree.read('mcpr-r1-1', 'memory.max')).toBe(String(150 * 1024 * 1024));
    expect(tree.read('mcpr-r1-1', 'memory.oom.group')).toBe('1');
    expect(tree.read('mcpr-r1-1', 'cpu.max')).toBe('50000 100000');
  });

  it('are made in the folder that is named, whoever else is in the own group', () => {
    tree = fakeTree({ procs: '1\n2\n' });
    expect(Cgroups.open('r1', tree.place)).toBeUndefined();
    expect(Cgroups.open('r1', { parent: tree.group })?.create({ memoryMb: 64, cpuSeconds: undefined })).toBeDefined();
    expect(tree.groups()).toEqual(['mcpr-r1-1']);
  });

  it.each([
    ['without cgroup v2', (root: string) => ({ root, self: join(root, 'nowhere') })],
    [
      'with cgroup v1 alone',
      (root: string) => (writeFileSync(join(root, 'v1'), '4:memory:/x\n'), { root, self: join(root, 'v1') }),
    ],
    [
      'where the controllers are somebody else’s',
      (root: string) => (
        writeFileSync(join(root, 'unit.service/cgroup.controllers'), 'hugetlb'),
        { root, self: join(root, 'self') }
      ),
    ],
    [
      'where nothing may be written',
      (root: string) => (
        rmSync(join(root, 'unit.service/cgroup.subtree_control')),
        mkdirSync(join(root, 'unit.service/cgroup.subtree_control')),
        { root, self: join(root, 'self') }
      ),
    ],
  ])('are not used %s', (_, place) => {
    tree = fakeTree();
    expect(Cgroups.open('r1', place(tree.root))).toBeUndefined();
  });

  it('that a router left are removed by the next one, unless somebody is in them', () => {
    tree = fakeTree();
    mkdirSync(join(tree.group, 'mcpr-old-1'));
    mkdirSync(join(tree.group, 'mcpr-old-2'));
    // A folder that cannot be removed, like a group with processes.
    writeFileSync(join(tree.group, 'mcpr-old-2/cgroup.procs'), '77');
    Cgroups.open('r1', tree.place);
    expect(tree.groups()).toEqual(['mcpr-old-2']);
  });

  it('hold a server from before its first instruction, and are ended with it', async () => {
    tree = fakeTree();
    const bench = upstreamBench(new Reaper(undefined, tree.place));
    const upstream = bench.open(stdio(ODD_SERVER), { memoryLimitMb: 200 });
    await ask(upstream, 'ping');
    const [name = ''] = tree.groups();
    expect(tree.read(name, 'cgroup.procs').trim()).toBe(String(upstream.connections[0]?.pid));
    // The kernel would bound it: no wall of RLIMIT_DATA besides.
    expect(readFileSync(`/proc/${upstream.connections[0]?.pid}/limits`, 'utf8')).toMatch(/Max data size +unlimited/);
    await upstream.close();
    expect(tree.read(name, 'cgroup.kill')).toBe('1');
    await bench.close();
  });

  it('that cannot be joined leave a server to its other limits', async () => {
    tree = fakeTree();
    const reaper = new Reaper(undefined, tree.place);
    const make = reaper.cgroups?.create.bind(reaper.cgroups);
    if (!reaper.cgroups || !make) throw new Error('there are no cgroups');
    reaper.cgroups.create = (limits) => {
      const cgroup = make(limits);
      if (cgroup) mkdirSync(cgroup.procs);
      return cgroup;
    };
    const bench = upstreamBench(reaper);
    const upstream = bench.open(stdio(ODD_SERVER), { memoryLimitMb: 200 });
    await ask(upstream, 'ping');
    expect(readFileSync(`/proc/${upstream.connections[0]?.pid}/limits`, 'utf8')).toMatch(/Max data size +\d+/);
    await bench.close();
  });

  it('say that a server was ended because of its memory', () => {
    tree = fakeTree();
    const cgroup = Cgroups.open('r1', tree.place)?.create({ memoryMb: 10, cpuSeconds: undefined });
    expect(cgroup?.ranOutOfMemory).toBe(false);
    writeFileSync(join(tree.group, 'mcpr-r1-1/memory.events'), 'low 0\nmax 31\noom 1\noom_kill 2\n');
    expect(cgroup?.ranOutOfMemory).toBe(true);
  });
});

/** Where a real cgroup v2 can be written to, with or without controllers. */
function realParent(): string | undefined {
  const mount = /^cgroup2 (\S+) /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
  if (mount === undefined) return undefined;
  const parent = join(mount, `mcp-router-test-${process.pid}`);
  try {
    mkdirSync(parent);
    return existsSync(join(parent, 'cgroup.kill')) ? parent : undefined;
  } catch {
    return undefined;
  }
}

const parent = realParent();

(parent === undefined ? describe.skip : describe)('a real cgroup', () => {
  afterAll(() => rmdirSync(parent ?? ''));

  it('ends also what left its process group and emptied its environment, and is gone after it', async () => {
    const bench = upstreamBench(new Reaper(undefined, { parent }));
    const mark = newMark();
    const inner = stdio(ODD_SERVER, [], mark.env);
    if (inner.type !== 'stdio') throw new Error('odd servers are stdio');
    const script = 'setsid env -i /bin/sleep 654 </dev/null >/dev/null 2>&1 & exec "$0" "$@"';
    const upstream = bench.open({ ...inner, command: '/bin/sh', args: ['-c', script, inner.command, ...inner.args] });
    await ask(upstream, 'ping');
    const [name = ''] = readdirSync(parent ?? '').filter((entry) => entry.startsWith('mcpr-'));
    const members = () =>
      readFileSync(join(parent ?? '', name, 'cgroup.procs'), 'utf8')
        .trim()
        .split('\n');
    await until(() => members().length >= 2);
    const pids = members();
    await upstream.close();
    await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`) || stateOf(pid) === 'Z'));
    await until(() => readdirSync(parent ?? '').every((entry) => !entry.startsWith('mcpr-')));
    await bench.close();
  });
});

function stateOf(pid: string): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '';
}
