export interface Services {
  url: string;
  headers: Record<string, string>;
  pids(): number[];
  redisPid(): number;
  pidOf(app: 'gateway' | 'router' | 'monitor'): number;
  rss(): number;
  rssOf(app: string): number;
  all(): number[];
  stop(): Promise<void>;
}

export function startServices(mcpServers: Record<string, object>, folder: string): Promise<Services>;
