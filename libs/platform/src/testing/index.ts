export * from './contracts';
export * from './database';
export * from './fastest';
export * from './left-open';
export * from './until';
export { startPrivateRedis, type PrivateRedis } from './bus/processes';
