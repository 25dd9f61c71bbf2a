import { Call20261122110000 } from './20261122110000-call';

export const MIGRATIONS = [Call20261122110000];
