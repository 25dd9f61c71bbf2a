import 'reflect-metadata';
import { PATTERN_METADATA } from '@nestjs/microservices/constants';
import { MODULE_METADATA } from '@nestjs/common/constants';
import * as shared from '@mcp-router/shared';
import { AppModule } from './app.module';

function handledPatterns(): string[] {
  const controllers = Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, AppModule) as (new () => object)[];
  return controllers.flatMap(({ prototype }) =>
    Object.getOwnPropertyNames(prototype).flatMap(
      (name) =>
        (Reflect.getMetadata(PATTERN_METADATA, (prototype as Record<string, object>)[name] as object) as
          string[] | undefined) ?? [],
    ),
  );
}

it('answers every discovery contract once', () => {
  const promised = Object.values(shared as Record<string, unknown>).flatMap((value) => {
    const { pattern } = (value ?? {}) as { pattern?: unknown };
    return typeof pattern === 'string' && pattern.startsWith('discovery.') ? [pattern] : [];
  });
  expect(promised.length).toBeGreaterThan(10);
  expect(handledPatterns().sort()).toEqual(promised.sort());
});
