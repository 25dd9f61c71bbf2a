import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../system/service';
import { APPS, schemaOf } from './environment';

const README = join(ROOT, 'README.md');
const BEGIN = '<!-- configuration -->';
const END = '<!-- /configuration -->';

/** One row a variable: which apps read it, its default, what it is for. */
async function table(): Promise<string> {
  const rows = new Map<string, { apps: string[]; initial: string; purpose: string }>();
  for (const app of APPS) {
    const { shape } = await schemaOf(app);
    for (const [name, field] of Object.entries(shape)) {
      const { description = '' } = field as z.ZodType;
      const row = rows.get(name) ?? { apps: [], initial: defaultOf(field as z.ZodType), purpose: description };
      row.apps.push(app);
      rows.set(name, row);
    }
  }
  const lines = [...rows].map(([name, { apps, initial, purpose }]) => {
    const who = apps.length === APPS.length ? 'all' : apps.join(', ');
    return `| \`${name}\` | ${who} | ${initial} | ${purpose.replaceAll('|', '\\|')} |`;
  });
  return ['| variable | read by | default | what it is for |', '|---|---|---|---|', ...lines].join('\n');
}

function defaultOf(field: z.ZodType): string {
  const parsed = field.safeParse(undefined);
  if (!parsed.success) return 'must be set';
  const { data } = parsed as { data: unknown };
  const text = Array.isArray(data)
    ? data.join(',')
    : typeof data === 'object'
      ? JSON.stringify(data)
      : (data as string);
  return data === undefined || text === '' ? '–' : `\`${text}\``;
}

/** As the formatter of the workspace leaves it; a process of its own, because it loads itself in a way that Jest has not. */
const format = (markdown: string): string =>
  execFileSync(process.execPath, [require.resolve('prettier/bin/prettier.cjs'), '--stdin-filepath', README], {
    input: markdown,
    encoding: 'utf8',
    cwd: ROOT,
  });

it('the README tells every variable, as the schemas have it', async () => {
  const readme = readFileSync(README, 'utf8');
  const [before, after] = [readme.slice(0, readme.indexOf(BEGIN)), readme.slice(readme.indexOf(END))];
  const wanted = format(`${before}${BEGIN}\n\n${await table()}\n\n${after}`);
  if (process.env['UPDATE_README']) writeFileSync(README, wanted);
  expect(readFileSync(README, 'utf8')).toBe(wanted);
});

it('each variable says what it is for', async () => {
  for (const app of APPS) {
    for (const [name, field] of Object.entries((await schemaOf(app)).shape)) {
      expect([app, name, (field as z.ZodType).description ?? '']).toEqual([app, name, expect.stringMatching(/\w{3}/)]);
    }
  }
});
