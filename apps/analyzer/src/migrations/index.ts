import { Findings20261122120000 } from './20261122120000-findings';
import { Analyses20261122130000 } from './20261122130000-analyses';
import { StartedOnce20261122170000 } from './20261122170000-started-once';

export const MIGRATIONS = [Findings20261122120000, Analyses20261122130000, StartedOnce20261122170000];
