import { Health20261122110000 } from './20261122110000-health';

export const MIGRATIONS = [Health20261122110000];
