import { z } from 'zod';
import { defineSource } from './source';

/** Servers that announce themselves, each for the time of its lease. They come in over REST: there is nothing to look at. */
export const selfRegistrationSource = defineSource({
  type: 'self-registration',
  priority: 80,
  everySeconds: 86_400,
  settings: z.object({ maxLeaseSeconds: z.int().min(5).max(86_400).default(3600) }),
  async look() {
    // The leases themselves are the state.
  },
});
