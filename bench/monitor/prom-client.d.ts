/** What is used of a package that is installed on the first run of the benchmarks. */
declare module 'prom-client' {
  type Labels = Record<string, string>;
  export class Registry {
    clear(): void;
  }
  export class Histogram {
    constructor(settings: {
      name: string;
      help: string;
      labelNames: readonly string[];
      registers: readonly Registry[];
    });
    observe(labels: Labels, value: number): void;
    labels(...values: string[]): { observe(value: number): void };
  }
}
