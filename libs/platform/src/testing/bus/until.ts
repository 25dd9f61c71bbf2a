/** Polls until the condition holds. */
export async function until(condition: () => Promise<boolean> | boolean, withinMs = 45_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`did not happen within ${withinMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
