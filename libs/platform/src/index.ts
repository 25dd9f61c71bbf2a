export * from './bus/bus';
export * from './bus/context';
export * from './bus/handles';
export * from './outbound/body';
export * from './outbound/outbound';
export { OutboundEnv } from './outbound/policy';
