/** Waits until `claim` holds; fails with what it last threw, or with its text, after `timeoutMs`. */
export async function until(claim: () => unknown, timeoutMs = 45_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    let reason: unknown = new Error(`not within ${timeoutMs} ms: ${String(claim)}`);
    try {
      if (await claim()) return;
    } catch (error) {
      reason = error;
    }
    if (Date.now() > end) throw reason;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
