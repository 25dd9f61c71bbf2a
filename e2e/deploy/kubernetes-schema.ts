import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../system/service';

/** A Kubernetes object as YAML gives it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  [key: string]: unknown;
}

export interface Source {
  /** Named in the fault. */
  file: string;
  manifest: Manifest;
  /** A strategic merge patch: any part of the object. */
  isPatch?: boolean;
}

const VIRTUAL = join(ROOT, 'e2e/deploy/manifests.virtual.ts');
const MODULES: Record<string, string> = {
  v1: 'core/v1',
  'apps/v1': 'apps/v1',
  'autoscaling/v2': 'autoscaling/v2',
  'networking.k8s.io/v1': 'networking/v1',
  'policy/v1': 'policy/v1',
  'rbac.authorization.k8s.io/v1': 'rbac/v1',
};
const DEEP_PARTIAL =
  'type DeepPartial<T> = T extends readonly (infer U)[] ? DeepPartial<U>[] : T extends object ? { [K in keyof T]?: DeepPartial<T[K]> } : T;';

/**
 * Checks manifests against the Kubernetes API as TypeScript knows it (`kubernetes-types`): each becomes a literal with
 * its type, so a wrong type and an unknown key are errors alike.
 *
 * @returns the faults, each with file, kind and what is wrong
 */
export function schemaFaults(sources: readonly Source[]): string[] {
  const lines = sources.map(({ manifest, isPatch }, index) => {
    const module = MODULES[manifest.apiVersion];
    if (module === undefined) throw new Error(`The test does not know the API ${manifest.apiVersion}`);
    const type = `import('kubernetes-types/${module}').${manifest.kind}`;
    // On one line, so that the line of a fault names the manifest.
    return `export const m${index}: ${isPatch === true ? `DeepPartial<${type}>` : type} = ${JSON.stringify(manifest)};`;
  });
  const diagnostics = check(`${[DEEP_PARTIAL, ...lines].join('\n')}\n`);
  return diagnostics.map(({ start = 0, file, messageText }) => {
    const line = file?.getLineAndCharacterOfPosition(start).line ?? 0;
    const source = sources[line - 1];
    const message = ts.flattenDiagnosticMessageText(messageText, '\n');
    return `${source?.file}: ${source?.manifest.kind} ${source?.manifest.metadata.name}: ${message}`;
  });
}

function check(text: string): readonly ts.Diagnostic[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => name === VIRTUAL || fileExists(name);
  host.readFile = (name) => (name === VIRTUAL ? text : readFile(name));
  host.getSourceFile = (name, ...rest) =>
    name === VIRTUAL ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2023) : getSourceFile(name, ...rest);
  return ts.getPreEmitDiagnostics(ts.createProgram([VIRTUAL], options, host));
}
