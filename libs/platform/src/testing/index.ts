export * from './contracts';
export * from './database';
