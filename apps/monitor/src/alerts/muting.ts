import type { Alert, AlertRule, Silence } from '@mcp-router/shared';

type Labels = Record<string, string>;

/** What fires now, as far as it can keep others quiet. */
export interface Firing {
  rule: string;
  labels: Labels;
}

/** Why an alert that fires at `at` (epoch milliseconds) is not sent to anybody; null: it is. */
export function mutedBy(
  rule: Pick<AlertRule, 'name' | 'inhibitedBy'>,
  labels: Labels,
  silences: readonly Silence[],
  firing: readonly Firing[],
  at: number,
): Alert['muted'] {
  const isSilenced = silences.some(
    (silence) =>
      (silence.rule === null || silence.rule === rule.name) &&
      Object.entries(silence.labels).every(([name, value]) => labels[name] === value) &&
      Date.parse(silence.startsAt) <= at &&
      at < Date.parse(silence.endsAt),
  );
  if (isSilenced) return 'silenced';
  const isInhibited = firing.some(
    (other) => other.rule !== rule.name && rule.inhibitedBy.includes(other.rule) && agree(other.labels, labels),
  );
  return isInhibited ? 'inhibited' : null;
}

/** Whether two alerts have the same values of all labels that both have. */
function agree(a: Labels, b: Labels): boolean {
  return Object.entries(a).every(([name, value]) => b[name] === undefined || b[name] === value);
}
