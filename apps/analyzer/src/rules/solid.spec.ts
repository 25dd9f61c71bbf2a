import { readCode } from '../engine/code-file';
import { fixturesOf } from './fixtures/fixtures';
import { CODE_RULES } from '.';

const PRINCIPLES = [
  'single-responsibility',
  'open-closed',
  'liskov-substitution',
  'interface-segregation',
  'dependency-inversion',
];

it.each(PRINCIPLES)('%s is judged right: F1 of at least 0.9 on 40 pieces of code and more', async (name) => {
  const rule = CODE_RULES.find(({ id }) => id === `solid/${name}`);
  const fixtures = fixturesOf(name);
  const found = await Promise.all(
    fixtures.map(async ({ language, code }) => {
      const file = await readCode('src/example.x', language, code);
      return rule !== undefined && rule.languages.includes(language) && [...rule.check(file)].length > 0;
    }),
  );
  const titles = (isBad: boolean, wasFound: boolean) =>
    fixtures.filter((fixture, at) => fixture.isBad === isBad && found[at] === wasFound).map(({ title }) => title);
  const right = titles(true, true).length;
  const wrong = { missed: titles(true, false), falseAlarms: titles(false, true) };
  const f1 = (2 * right) / (2 * right + wrong.missed.length + wrong.falseAlarms.length);
  expect(fixtures.filter(({ isBad }) => isBad).length).toBeGreaterThanOrEqual(20);
  expect(fixtures.filter(({ isBad }) => !isBad).length).toBeGreaterThanOrEqual(20);
  expect(f1 >= 0.9 ? 'good' : { f1, ...wrong }).toBe('good');
});
