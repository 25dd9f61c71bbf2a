export * from './bus/bus';
export * from './bus/context';
export * from './bus/handles';
