import { FLAGS, isFlagName, type FlagName } from '@mcp-router/shared';

let overrides = new Map<FlagName, boolean>();
const listeners = new Set<() => void>();

/** Whether a feature is on in this process now: the stored override, else the table's default. An unknown name does not compile. */
export function isFeatureEnabled(name: FlagName): boolean {
  return overrides.get(name) ?? FLAGS[name].on;
}

/** Replaces all overrides; names that this release does not know are ignored. */
export function applyFlagOverrides(flags: Record<string, boolean>): void {
  const next = new Map<FlagName, boolean>();
  for (const [name, enabled] of Object.entries(flags)) if (isFlagName(name)) next.set(name, enabled);
  overrides = next;
  for (const listener of listeners) listener();
}

/** Hears of each time that overrides came in, for who keeps something that depends on a flag. @returns the way to stop it */
export function onFlagsApplied(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
