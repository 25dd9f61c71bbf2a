import { Access20261122100000 } from './20261122100000-access';
import { RateLimit20261122152000 } from './20261122152000-rate-limit';
import { IdempotentRequest20261122164000 } from './20261122164000-idempotent-request';

export const MIGRATIONS = [Access20261122100000, RateLimit20261122152000, IdempotentRequest20261122164000];
