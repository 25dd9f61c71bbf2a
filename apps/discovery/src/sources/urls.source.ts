import { z } from 'zod';
import { defineSource } from './source';

const Entry = z.object({
  url: z.url({ protocol: /^https?$/ }),
  name: z.string().min(1).max(128).optional(),
  type: z.enum(['http', 'sse']).default('http'),
  labels: z.record(z.string(), z.string()).default({}),
});

/** A list of URLs that somebody wrote down. */
export const urlsSource = defineSource({
  type: 'urls',
  priority: 60,
  everySeconds: 3600,
  settings: z.object({
    urls: z
      .array(z.union([z.url({ protocol: /^https?$/ }).transform((url) => Entry.parse({ url })), Entry]))
      .min(1)
      .max(10_000),
  }),
  async look({ urls }, _io, sink) {
    await sink.snapshot(
      urls.map(({ url, name, type, labels }) => ({
        key: url,
        name: name ?? new URL(url).hostname,
        endpoint: { kind: type, url, headerNames: [] },
        labels,
      })),
    );
  },
});
