const open = new Set<() => Promise<void>>();

/**
 * Remembers how to close what a test opened. What the test did not close itself, because it failed midway, is closed
 * after its file: left open it would hold Jest, or outlive it.
 *
 * @returns `close`, which is done once however often it is called
 */
export function closedAfterwards(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined;
  const once = () => {
    open.delete(once);
    closing ??= close();
    return closing;
  };
  open.add(once);
  return once;
}

// The helpers of tests are also used by the processes that tests start, where there is no Jest.
if (typeof afterAll === 'function')
  afterAll(async () => {
    // The newest first: it may stand on an older one.
    for (const close of [...open].reverse()) await close();
  });
