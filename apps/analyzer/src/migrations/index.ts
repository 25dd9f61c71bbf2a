import { Findings20261122120000 } from './20261122120000-findings';

export const MIGRATIONS = [Findings20261122120000];
