import { z } from 'zod';
import { Empty } from '../page';
import { broadcast, contract } from './contract';

/** Feature-flag overrides by name; flags that are not in it have their default. */
const Overrides = z.record(z.string(), z.boolean());

/** The overrides in force, asked once at start and after a lost connection. */
export const listFlagOverrides = contract('gateway.listFlagOverrides', {
  input: Empty,
  output: Overrides,
  timeoutMs: 2_000,
});

/** All overrides in force, told on every change. */
export const flagsChanged = broadcast('gateway.flagsChanged', Overrides);

/** Keys or agents changed: replicas of the gateway read them again. */
export const accessChanged = broadcast('gateway.accessChanged', Empty);
