import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../system/service';

export const APPS = ['gateway', 'router', 'discovery', 'monitor', 'analyzer'] as const;
export type AppName = (typeof APPS)[number];

/** Set for Node itself and for the images' programs, not for our schemas. */
const NOT_OURS = new Set(['NODE_ENV', 'HOME']);

/** The zod object in an app's `config.ts`. */
export async function schemaOf(app: AppName): Promise<z.ZodObject> {
  const exported = (await import(join(ROOT, 'apps', app, 'src/config.ts'))) as Record<string, unknown>;
  const schema = Object.values(exported).find((value) => value instanceof z.ZodObject);
  if (schema === undefined) throw new Error(`apps/${app}/src/config.ts exports no zod object`);
  return schema;
}

/** The variables that an app reads. */
export async function variablesOf(app: AppName): Promise<Set<string>> {
  return new Set(Object.keys((await schemaOf(app)).shape));
}

/** Those of `names` that the app would not read. */
export async function unknownVariables(app: AppName, names: readonly string[]): Promise<string[]> {
  const known = await variablesOf(app);
  return names.filter((name) => !known.has(name) && !NOT_OURS.has(name));
}
