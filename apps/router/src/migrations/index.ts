import { Server20261122100100 } from './20261122100100-server';

export const MIGRATIONS = [Server20261122100100];
