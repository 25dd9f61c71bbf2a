import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LanguageId } from './languages';
import { EnginePool, type TaskFailed } from './pool';
import { buildChild } from './testing/child';

const LIMIT_MS = 5_000;
const MAX_RSS_MB = 512;
let seed = 7;
const random = () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
const noise = (length: number) =>
  Array.from({ length }, () => String.fromCharCode(Math.floor(random() * 0xffff))).join('');

const HOSTILE: [name: string, language: LanguageId, source: () => string][] = [
  ['a million opening brackets', 'javascript', () => '['.repeat(1_000_000)],
  ['a million opening parentheses', 'python', () => '('.repeat(1_000_000)],
  ['a million exclamation marks', 'typescript', () => '!'.repeat(1_000_000)],
  ['100,000 nested ifs', 'javascript', () => 'if(1)'.repeat(100_000)],
  ['100,000 nested functions', 'javascript', () => '()=>'.repeat(100_000)],
  ['100,000 nested classes', 'typescript', () => 'class A{m(){'.repeat(50_000)],
  ['a line of a million tokens', 'javascript', () => 'a+'.repeat(500_000) + 'a'],
  ['a logical chain of 200,000', 'javascript', () => `function f(){return ${'a&&'.repeat(200_000)}a}`],
  ['random characters', 'typescript', () => noise(300_000)],
  ['random characters as Python', 'python', () => noise(300_000)],
  ['NUL characters', 'javascript', () => '\0'.repeat(500_000)],
  ['half of a surrogate pair', 'javascript', () => 'const a = "\uD800";'.repeat(10_000)],
  ['a template in a template', 'javascript', () => '`${'.repeat(50_000)],
  ['a regex that is slow to judge', 'javascript', () => `const a = /${'(a|b|c)*'.repeat(200)}/;`.repeat(50)],
  [
    'indentation 10,000 deep',
    'python',
    () => Array.from({ length: 3_000 }, (_, i) => `${' '.repeat(i)}if x:`).join('\n'),
  ],
  ['heredocs without an end', 'bash', () => 'cat <<A\n'.repeat(50_000)],
  ['templates of templates', 'cpp', () => `${'A<'.repeat(50_000)}int`],
];

describe('hostile files', () => {
  let script: string;
  let pool: EnginePool;
  let peakMb = 0;
  let watch: NodeJS.Timeout;

  beforeAll(() => {
    script = buildChild();
    pool = new EnginePool({ script, size: 1 });
    watch = setInterval(() => {
      for (const pid of pool.pids) {
        try {
          peakMb = Math.max(peakMb, Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) / 256);
        } catch {
          // It has just ended.
        }
      }
    }, 20);
  });
  afterAll(async () => {
    clearInterval(watch);
    await pool.close();
    rmSync(dirname(script), { recursive: true, force: true });
  });

  it.each(HOSTILE)('%s (%s) end in time, with a result or with a reason', async (_name, language, source) => {
    const text = source();
    const started = performance.now();
    const outcome = await pool
      .run('file', { path: 'x', language, source: text, customRules: [] }, { timeoutMs: LIMIT_MS })
      .then(
        () => 'result',
        (error: unknown) => (error as TaskFailed).reason,
      );
    expect(['result', 'timeout', 'memory', 'crashed', 'failed']).toContain(outcome);
    expect(performance.now() - started).toBeLessThan(LIMIT_MS + 10_000);
    const after = await pool.run(
      'file',
      { path: 'y', language: 'javascript', source: 'const a = 1;', customRules: [] },
      { timeoutMs: 10_000 },
    );
    expect(after.metrics.lines.code).toBe(1);
  });

  it('never took more memory than is allowed', () => {
    expect(peakMb).toBeGreaterThan(0);
    expect(peakMb).toBeLessThanOrEqual(MAX_RSS_MB);
  });
});
