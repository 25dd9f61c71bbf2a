import 'reflect-metadata';
import type { DynamicModule, Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants';
import { PATTERN_METADATA } from '@nestjs/microservices/constants';
import * as shared from '@mcp-router/shared';

type ModuleLike = Type | DynamicModule;

/** The patterns of all contracts that an app owes an answer, in order. */
export function contractsOf(app: string): string[] {
  return Object.values(shared as Record<string, unknown>)
    .flatMap((value) => {
      const { pattern } = (value ?? {}) as { pattern?: unknown };
      return typeof pattern === 'string' && pattern.startsWith(`${app}.`) ? [pattern] : [];
    })
    .sort();
}

/** The patterns that the controllers of a module and of all it imports answer, in order; one that two answer is there twice. */
export function patternsHandledBy(root: ModuleLike): string[] {
  const seen = new Set<Type>();
  const controllers = new Set<Type>();
  const visit = (module: ModuleLike) => {
    const type = 'module' in module ? module.module : module;
    if (seen.has(type)) return;
    seen.add(type);
    for (const controller of listed<Type>(MODULE_METADATA.CONTROLLERS, type)) controllers.add(controller);
    for (const imported of listed<ModuleLike>(MODULE_METADATA.IMPORTS, type)) visit(imported);
  };
  visit(root);
  return [...controllers].flatMap(patternsOf).sort();
}

function patternsOf({ prototype }: Type): string[] {
  const methods = prototype as Record<string, object>;
  return Object.getOwnPropertyNames(methods).flatMap((name) =>
    listed<string>(PATTERN_METADATA, methods[name] as object),
  );
}

function listed<T>(key: string, target: object): T[] {
  return (Reflect.getMetadata(key, target) as T[] | undefined) ?? [];
}
