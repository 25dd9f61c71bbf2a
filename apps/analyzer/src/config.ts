import { CommonEnv } from '@mcp-router/platform';
import { z } from 'zod';

export const AnalyzerEnv = CommonEnv.extend({
  ANALYZER_WORKERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(2)
    .describe('Child processes that read code and definitions'),
  ANALYZER_WORKER_MB: z.coerce
    .number()
    .int()
    .min(128)
    .max(4096)
    .default(400)
    .describe('Resident memory a child may take before it is killed'),
  ANALYZER_FILE_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(5_000)
    .describe('How long one file may take to read'),
  ANALYZER_JOB_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(86_400_000)
    .default(600_000)
    .describe('How long one analysis may take'),
  ANALYZER_ROOTS: z
    .string()
    .default('')
    .describe('Folders (separated by ":") whose code may be analysed by path; none by default'),
});
export type AnalyzerEnv = z.infer<typeof AnalyzerEnv>;
