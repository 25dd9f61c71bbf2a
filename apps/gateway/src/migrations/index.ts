import { Access20261122100000 } from './20261122100000-access';

export const MIGRATIONS = [Access20261122100000];
