import { FLAGS, isFlagName, type FlagName } from '@mcp-router/shared';

let overrides = new Map<FlagName, boolean>();

/** Whether a feature is on in this process now: the stored override, else the table's default. An unknown name does not compile. */
export function isFeatureEnabled(name: FlagName): boolean {
  return overrides.get(name) ?? FLAGS[name].on;
}

/** Replaces all overrides; names that this release does not know are ignored. */
export function applyFlagOverrides(flags: Record<string, boolean>): void {
  const next = new Map<FlagName, boolean>();
  for (const [name, enabled] of Object.entries(flags)) if (isFlagName(name)) next.set(name, enabled);
  overrides = next;
}
