import { EXPECTED, poisonedTools } from './fixtures/poisoned-tools';
import { scanCatalogue } from './scan';

it('finds the attack in poisoned tools of twelve classes, whatever their disguise', () => {
  const { poisoned, neighbours } = poisonedTools();
  const missed: string[] = [];
  const byClass = new Map<string, { found: number; all: number }>();
  for (const { attack, disguise, tool } of poisoned) {
    const rules = scanCatalogue([tool, ...neighbours])
      .filter(({ server }) => server === 'suspect')
      .map(({ rule }) => rule.id);
    const score = byClass.get(attack) ?? { found: 0, all: 0 };
    score.all++;
    if (EXPECTED[attack]?.some((rule) => rules.includes(rule))) score.found++;
    else missed.push(`${attack} [${disguise}] ${JSON.stringify(tool)} → ${rules.join(' ')}`.slice(0, 300));
    byClass.set(attack, score);
  }
  const found = poisoned.length - missed.length;
  expect(poisoned.length).toBeGreaterThanOrEqual(300);
  expect(byClass.size).toBe(12);
  expect({ recall: found / poisoned.length >= 0.95, missed: found / poisoned.length >= 0.95 ? [] : missed }).toEqual({
    recall: true,
    missed: [],
  });
});
