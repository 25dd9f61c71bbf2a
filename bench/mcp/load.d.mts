export interface Target {
  url: string;
  headers: Record<string, string>;
  call: (message: string) => string;
  session: string;
  pids: () => number[];
}

export interface Load {
  perSecond: number;
  p50: number;
  p95: number;
  p99: number;
  cpuMsPerCall: number;
}

export function openSession(target: Pick<Target, 'url' | 'headers'>): Promise<string>;
export function toolCall(name: string): (message: string) => string;
export function load(target: Target, concurrency: number, durationMs: number): Promise<Load>;
