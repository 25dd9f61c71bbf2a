import { contractsOf, patternsHandledBy } from '@mcp-router/platform/testing';
import { AppModule } from './app.module';

it('answers every contract of the analyzer once', () => {
  expect(contractsOf('analyzer').length).toBeGreaterThan(0);
  expect(patternsHandledBy(AppModule)).toEqual(contractsOf('analyzer'));
});
