import { Server20261122100100 } from './20261122100100-server';
import { Workflow20261122120000 } from './20261122120000-workflow';

export const MIGRATIONS = [Server20261122100100, Workflow20261122120000];
