import { Server20261122100100 } from './20261122100100-server';
import { Workflow20261122120000 } from './20261122120000-workflow';
import { Quarantine20261122150000 } from './20261122150000-quarantine';
import { SecretAndSchedule20261122160000 } from './20261122160000-secret-and-schedule';
import { WorkflowHints20261122161000 } from './20261122161000-workflow-hints';
import { RunTrace20261122163000 } from './20261122163000-run-trace';
import { VirtualServer20261122163500 } from './20261122163500-virtual-server';
import { ServerGrant20261122180000 } from './20261122180000-server-grant';

export const MIGRATIONS = [
  Server20261122100100,
  Workflow20261122120000,
  Quarantine20261122150000,
  SecretAndSchedule20261122160000,
  WorkflowHints20261122161000,
  RunTrace20261122163000,
  VirtualServer20261122163500,
  ServerGrant20261122180000,
];
