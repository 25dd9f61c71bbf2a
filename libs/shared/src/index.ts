export * from './contracts/contract';
export * from './errors';
export * from './flags';
export * from './glob';
export * from './page';
export * from './principal';
