const POLL_MS = 10;

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));

/** Waits until `claim` holds; fails with what it last threw, or with its text, after `withinMs`. */
export async function until(claim: () => unknown, withinMs = 60_000): Promise<void> {
  const end = Date.now() + withinMs;
  for (;;) {
    let reason: unknown = new Error(`not within ${withinMs} ms: ${String(claim)}`);
    try {
      if (await claim()) return;
    } catch (error) {
      reason = error;
    }
    if (Date.now() > end) throw reason;
    await pause();
  }
}

/** For what is to be so within some time: looks as often as fits into it, so that a slow machine has longer. */
export async function promptly(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  for (let tries = Math.ceil(withinMs / POLL_MS); !(await condition()); tries--) {
    if (tries <= 0) throw new Error(`the condition did not come true within ${withinMs} ms`);
    await pause();
  }
}
