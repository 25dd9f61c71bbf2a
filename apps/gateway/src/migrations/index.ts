import { Access20261122100000 } from './20261122100000-access';
import { IdempotentRequest20261122164000 } from './20261122164000-idempotent-request';

export const MIGRATIONS = [Access20261122100000, IdempotentRequest20261122164000];
