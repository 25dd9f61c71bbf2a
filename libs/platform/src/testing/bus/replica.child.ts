import { startReplica } from './replica';

/** A replica as a process of its own, for tests that kill it: its options are the first argument, in JSON. */
async function main(): Promise<void> {
  const { bus, close } = await startReplica(JSON.parse(process.argv[2] ?? '{}') as Parameters<typeof startReplica>[0]);
  process.on('disconnect', () => process.exit(0));
  process.on('SIGTERM', () => void close().then(() => process.exit(0)));
  process.send?.(bus.instanceId);
}

void main();
