import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, until } from '../infra/processes.mjs';
import { ServiceLog } from './log.mjs';
import { Service } from './service.mjs';

const READY = `process.on('disconnect', () => process.exit()); process.send({ type: 'ready' }); setInterval(() => {}, 1000);`;

describe('a supervised service', () => {
  let folder, service, shown;
  const start = (source) => {
    const script = join(folder, 'main.mjs');
    writeFileSync(script, source);
    const log = new ServiceLog(folder, 'sample', (line) => shown.push(line));
    service = new Service('sample', { env: process.env, log, script });
    service.start();
    return service;
  };

  beforeEach(() => {
    shown = [];
    folder = mkdtempSync(join(tmpdir(), 'service-spec-'));
  });
  afterEach(async () => {
    await service.stop(() => true);
    rmSync(folder, { recursive: true });
  });

  it('is ready when it says so, and is started again when it dies', async () => {
    start(READY);
    expect(await until(() => service.isReady, 30_000)).toBe(true);
    const { pid } = service.child;
    const restart = once(service, 'restart');
    process.kill(pid, 'SIGKILL');
    expect(await restart).toEqual([250, 'SIGKILL']);
    expect(await until(() => service.isReady && service.child.pid !== pid, 30_000)).toBe(true);
  });

  it('waits longer before each new start', async () => {
    start(`process.send({ type: 'ready' }, () => process.exit(1));`);
    const delays = [];
    service.on('restart', (delay) => delays.push(delay));
    await until(() => delays.length === 3, 30_000);
    expect(delays).toEqual([250, 500, 1000]);
  });

  it('is given up when it never becomes ready, with its last words on the terminal', async () => {
    start(`console.error('no database'); process.exit(1);`);
    expect(await once(service, 'hopeless')).toEqual([1]);
    await until(() => shown.length === 3, 15_000);
    expect(shown).toEqual(Array(3).fill('[sample] no database'));
  });

  it('is given up at once when its environment is not right', async () => {
    start(`console.error('PORT: not a number'); process.exit(78);`);
    expect(await once(service, 'hopeless')).toEqual([78]);
    await until(() => shown.length === 1, 15_000);
    expect(shown).toEqual(['[sample] PORT: not a number']);
  });

  it('is killed when it ignores SIGTERM and there is no time, with all of its process group', async () => {
    start(`import { spawn } from 'node:child_process';
      process.on('SIGTERM', () => {});
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      process.send({ type: 'ready', child: child.pid });
      setInterval(() => {}, 1000);`);
    const [{ child }] = await once(service, 'message');
    expect(isAlive(child)).toBe(true);
    await service.stop(() => true);
    expect(await until(() => !isAlive(child) && !isAlive(service.child.pid), 15_000)).toBe(true);
  });

  it('writes all it says to its file and shows the errors', async () => {
    start(`console.log(JSON.stringify({ level: 30, msg: 'fine' }));
      console.log(JSON.stringify({ level: 50, msg: 'broken', err: { message: 'why' } }));
      ${READY}`);
    const file = () => readFileSync(join(folder, 'sample.log'), 'utf8');
    await until(() => shown.length > 0 && file().includes('broken'), 30_000);
    expect(file()).toContain('"fine"');
    expect(shown).toEqual(['[sample] broken: why']);
  });
});
