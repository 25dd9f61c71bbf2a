export * from './contracts';
export * from './database';
export { startPrivateRedis, type PrivateRedis } from './bus/processes';
