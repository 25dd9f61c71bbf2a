import { Health20261122110000 } from './20261122110000-health';
import { Candidates20261122120000 } from './20261122120000-candidates';

export const MIGRATIONS = [Health20261122110000, Candidates20261122120000];
