import { Findings20261122120000 } from './20261122120000-findings';
import { Analyses20261122130000 } from './20261122130000-analyses';

export const MIGRATIONS = [Findings20261122120000, Analyses20261122130000];
