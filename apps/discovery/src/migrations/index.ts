import { Health20261122110000 } from './20261122110000-health';
import { Candidates20261122120000 } from './20261122120000-candidates';
import { SourceVersion20261122163000 } from './20261122163000-source-version';
import { ScanBeforeUse20261122170000 } from './20261122170000-scan-before-use';

export const MIGRATIONS = [
  Health20261122110000,
  Candidates20261122120000,
  SourceVersion20261122163000,
  ScanBeforeUse20261122170000,
];
